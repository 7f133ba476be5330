import Glibc
import NIOConcurrencyHelpers
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import Testing
import WatcherAPI

@testable import ProcessWatcher

@Suite(.timeLimit(.minutes(1))) struct LaunchingTests {
    /// Until its exec a new process shows the runner's program, arguments and environment. An observer whose turn had begun
    /// before the launch must not read it.
    @Test func `What is being started is not read before it is the program`() async throws {
        let watched = try WatchedProcess()
        let first = try watched.startUnannounced()
        try await watched.observing { _ = try await $0.alive() }
        let program = try ProcFS().executable(of: first.pid)
        first.kill()

        let memory = HeldMemory(watched.memory)
        let loop = try EventLoop()
        let host = try ProcessHost(
            processes: ProcFS(), clock: WatchClock(watched.clock), openFileLimit: nil,
            launcher: .children(ProcessSpawner()), loop: loop,
            context: WatcherContext(targets: [watched.target: watched.settings], memory: memory, logger: .silent))
        let target = ProcessTarget(id: watched.target, settings: watched.settings, host: host)
        let launch = Task { await target.perform(.recover) {} }
        await memory.isAsked()

        // On the loop, in this order: the observer's turn, then the launch.
        let isBlocked = ConditionLock(value: true)
        loop.execute {
            isBlocked.lock(whenValue: false)
            isBlocked.unlock()
        }
        target.hints.raise(.reread)
        let look = Task(executorPreference: InlineExecutor()) { await target.observe() }
        memory.answer()
        isBlocked.lock()
        isBlocked.unlock(withValue: false)

        _ = await look.value
        guard case .up = await launch.value else {
            Issue.record("it was not started again")
            return
        }
        let recipe = try #require(watched.memory.attachment(of: watched.target))
        #expect(try LaunchRecipe(decoding: recipe).executable == program)
    }
}

/// Runs each job where it comes from.
private final class InlineExecutor: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) {
        UnownedJob(job).runSynchronously(on: asUnownedTaskExecutor())
    }
}

/// Gives the first note only when told to.
private final class HeldMemory: WatcherMemory {
    private let memory: MemoryWatcherMemory
    private let asked = AsyncStream.makeStream(of: Void.self)
    private let waiting = NIOLockedValueBox<CheckedContinuation<Void, Never>?>(nil)

    init(_ memory: MemoryWatcherMemory) { self.memory = memory }

    func isAsked() async { _ = await asked.stream.first { true } }

    func answer() { waiting.withLockedValue { $0 }?.resume() }

    func load(_ target: TargetID) async -> [UInt8]? {
        await withCheckedContinuation { continuation in
            waiting.withLockedValue { $0 = continuation }
            asked.continuation.yield()
        }
        return await memory.load(target)
    }

    func attachment(of target: TargetID) -> [UInt8]? { memory.attachment(of: target) }

    func save(_ note: [UInt8], attachment: [UInt8]?, for target: TargetID) async throws {
        try await memory.save(note, attachment: attachment, for: target)
    }
}

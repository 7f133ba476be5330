import Glibc
import NIOConcurrencyHelpers
import ProcessWatcher
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import Testing
import WatcherAPI

/// Processes that are found by their command lines.
@Suite(.timeLimit(.minutes(1)))
struct MatchWatchingTests {
    private static let nobody: UInt32 = 65534

    @Test func `It is found when it appears, and found again when somebody else brings it back`() async throws {
        let watched = try WatchedMatch()
        try await watched.observing { observations in
            guard case .missing = try await observations.next().liveness else {
                Issue.record("nothing is there")
                return
            }
            let process = try watched.startProcess()
            let first = try await observations.alive()
            #expect(first.pid == process.pid)
            process.kill()
            #expect(try await observations.dead().identity == first)
            let successor = try watched.startProcess(more: ["--pid", "1"])
            #expect(try await observations.alive(otherThan: first).pid == successor.pid)
        }
    }

    @Test func `What died is started again once, and known by its identity`() async throws {
        let watched = try WatchedMatch()
        let process = try watched.startProcess()
        try await watched.observing { observations in
            let first = try await observations.alive()
            process.kill()
            _ = try await observations.dead()
            guard case .up(let second, _) = await watched.perform(.recover) else {
                Issue.record("not started")
                return
            }
            #expect(try await observations.alive(otherThan: first) == second)
            #expect(await watched.perform(.recover) == .up(second, note: nil))
            let copies = try processes(with: watched.text)
            #expect(copies == [second.pid])
        }
    }

    @Test func `Of copies the oldest is taken, and after it the next`() async throws {
        let watched = try WatchedMatch()
        let older = try watched.startProcess()
        let younger = try watched.startProcess(more: ["--pid", "1"])
        try await watched.observing { observations in
            let first = try await observations.alive()
            let oldest = [older, younger].min { age($0) < age($1) }
            #expect(first.pid == oldest?.pid)
            oldest?.kill()
            let second = try await observations.alive(otherThan: first)
            #expect(second.pid == [older, younger].first { $0.pid != oldest?.pid }?.pid)
            #expect(await watched.perform(.recover) == .up(second, note: nil))
        }
    }

    @Test func `A shell and what it waits for are one target`() async throws {
        let watched = try WatchedMatch()
        let shell = try TestProcess.start("/bin/sh", ["-c", "/usr/bin/tail -f /dev/null \(watched.text); :"])
        try await watched.observing { observations in
            #expect(try await observations.alive().pid == shell.pid)
            shell.kill()
            _ = try await observations.dead()
            // What the shell has left behind is no other target, and no second copy is started beside it.
            let reason = try #require(await watched.perform(.recover).hindrance, "started beside what is left")
            #expect(reason.contains("two copies are never run"))
        }
    }

    @Test func `A wrapper that is soon another program is not taken for the target`() async throws {
        let watched = try WatchedMatch()
        try await watched.observing { observations in
            _ = try await observations.next()
            var options = TestProcess.Options()
            options.environment.append("TEXT=\(watched.text)")
            let script = #"/usr/bin/setsid -f /usr/bin/env /usr/bin/tail -f /dev/null "$TEXT"; exec /bin/sleep 1000"#
            let wrapper = try TestProcess.start("/bin/sh", ["-c", script], options)
            defer { wrapper.kill() }
            let life = try await observations.alive()
            #expect(life.pid != wrapper.pid)
            let pin = try #require(try watched.memory.note(of: watched.target).map(ProcessNote.init(decoding:))?.pin)
            #expect(pin.executable == "/usr/bin/tail")
        }
    }

    // MARK: Who is never the target

    @Test func `A helper of the runner and what it starts are never the target`() async throws {
        let watched = try WatchedMatch()
        let arguments: [ByteText] = ["/bin/sh", "-c", ByteText("/usr/bin/tail -f /dev/null \(watched.text); :")]
        let helper = try ProcessSpawner().prepare(
            LaunchPlan(
                executable: "/bin/sh", arguments: arguments, environment: [], directory: "/", umask: 0o22, limits: []))
        let loop = try EventLoop()
        _ = try await helper.letGo(on: loop)
        let outcome = await watched.perform(.stop)
        #expect(outcome == .down)
        #expect(helper.handle.isAlive)
        try await watched.observing { observations in
            guard case .missing = try await observations.next().liveness else {
                Issue.record("it was taken for the target")
                return
            }
        }
        await helper.abandon(on: loop)
    }

    @Test(.needsRoot)
    func `Another user with the text in his arguments gains nothing before the target was seen`() async throws {
        let watched = try WatchedMatch()
        let target = try watched.startProcess()
        let stranger = try watched.startProcess(user: Self.nobody)
        try await watched.observing { observations in
            let reason = try await observations.first { observation in
                if case .undetermined(let reason) = observation.liveness { return reason }
                return nil
            }
            #expect(reason.contains("ambiguous"))
            for action in TargetAction.allCases {
                guard case .failed(let reason, isPermanent: false) = await watched.perform(action) else {
                    Issue.record("\(action) was carried out")
                    continue
                }
                #expect(reason.contains("ambiguous"))
            }
            #expect(target.handle.isAlive && stranger.handle.isAlive)
            stranger.kill()
            #expect(try await observations.alive().pid == target.pid)
        }
    }

    @Test(.needsRoot)
    func `Another user with the text in his arguments gains nothing after the target was seen`() async throws {
        let watched = try WatchedMatch()
        let target = try watched.startProcess()
        let first = try await watched.observing { try await $0.alive() }
        let stranger = try watched.startProcess(user: Self.nobody)
        try await target.end()
        // Nor in the next runner, which has only the disk.
        for watcher in [watched.watcher, try watched.watcherAfterRestart()] {
            let end = try await observing(watcher, watched.target) { try await $0.dead() }
            #expect(end.identity == first)
        }
        #expect(await watched.perform(.stop).foundEnded == first)
        guard case .up(let second, _) = await watched.perform(.recover) else {
            Issue.record("he keeps it from being started")
            return
        }
        #expect(second.pid != stranger.pid)
        #expect(stranger.handle.isAlive)
        #expect(try ProcFS().status(of: #require(second.pid)).users == [0, 0, 0, 0])
    }

    @Test(.needsRoot) func `A user in the settings narrows who counts`() async throws {
        let watched = try WatchedMatch(TargetSettings(user: Self.nobody))
        _ = try watched.startProcess()
        let target = try watched.startProcess(user: Self.nobody)
        let life = try await watched.observing { try await $0.alive() }
        #expect(life.pid == target.pid)
        // Set later, it is stronger than what was pinned before.
        let later = try watched.watcherAfterRestart(TargetSettings(user: 0))
        let other = try await observing(later, watched.target) { try await $0.alive() }
        #expect(other.pid != target.pid)
    }

    @Test func `Nothing is started while another program of the same user has come that matches`() async throws {
        let watched = try WatchedMatch()
        let process = try watched.startProcess()
        try await watched.observing { observations in
            _ = try await observations.alive()
            process.kill()
            _ = try await observations.dead()
            let other = try TestProcess.start(
                try TestProcess.testTarget, ["run", "--name", watched.text])
            let reason = try #require(await watched.perform(.recover).hindrance, "two copies, perhaps")
            #expect(reason.contains("process \(other.pid)"))
            #expect(reason.contains("/usr/bin/tail"))
            try await other.end()
            guard case .up = await watched.perform(.recover) else {
                Issue.record("not started later")
                return
            }
        }
    }

    // MARK: Command lines of all kinds

    @Test(arguments: [
        ["line\nbreak"], [String(repeating: "x", count: 5000)],
        Array(repeating: String(repeating: "y", count: 100_000), count: 15),
    ])
    func `Any command line can match`(arguments: [String]) async throws {
        let watched = try WatchedMatch()
        let process = try TestProcess.start(
            try TestProcess.testTarget, ["run"] + arguments.flatMap { ["--name", $0] } + ["--name", watched.text])
        let life = try await watched.observing { try await $0.alive() }
        #expect(life.pid == process.pid)
    }

    // MARK: When /proc is looked through

    @Test func `While it lives no command line is looked for`() async throws {
        let watched = try WatchedMatch()
        let process = try watched.startProcess()
        let life = try await watched.observing { try await $0.alive() }
        let counting = CountingProcesses()
        let clock = TestClock()
        let later = try ProcessWatcher(
            WatcherContext(targets: [watched.target: watched.settings], memory: watched.memory, logger: .silent),
            clock: clock, processes: counting)
        try await observing(later, watched.target) { observations in
            #expect(try await observations.alive() == life)
            // Through the safety net's looks, too.
            await clock.sleep(lasting: .seconds(30))
            clock.advance(by: .seconds(30))
            #expect(await later.perform(.recover, on: watched.target, startMade: {}) == .up(life, note: nil))
            #expect(counting.listings == 0)
            process.kill()
            _ = try await observations.dead()
            // One after the other, as long as it is missing.
            for count in 1...3 {
                await clock.sleep(lasting: .milliseconds(400))
                clock.advance(by: .milliseconds(400))
                await counting.listing(count)
            }
            // No longer than that.
            _ = await later.perform(.recover, on: watched.target, startMade: {})
            let second = try await observations.alive(otherThan: life)
            let listings = counting.listings
            for _ in 1...5 { clock.advance(by: .milliseconds(400)) }
            try ProcessHandle(pid: #require(second.pid)).send(SIGKILL)
            _ = try await observations.dead()
            clock.advance(by: .milliseconds(400))
            await counting.listing(listings + 1)
            // One more for this; what had been begun before has then been done.
            #expect(await later.perform(.stop, on: watched.target, startMade: {}).foundEnded != nil)
            #expect(counting.listings == listings + 2)
        }
        let listings = counting.listings
        clock.advance(by: .seconds(60))
        #expect(await later.perform(.stop, on: watched.target, startMade: {}).foundEnded != nil)
        #expect(counting.listings == listings + 1, "nobody observes, and it goes on")
    }

    // MARK: start:

    @Test func `A start command that makes itself a daemon is up when its daemon matches`() async throws {
        let directory = try TestProcessDirectory()
        let name = directory.path.lastComponent?.string ?? ""
        let settings = TargetSettings(start: [try TestProcess.testTarget.string, "run", "--daemonize", "--name", name])
        let target = TargetID(kind: .process, name: name)
        let watcher = try ProcessWatcher(
            WatcherContext(targets: [target: settings], memory: MemoryWatcherMemory(), logger: .silent))
        guard case .up(let identity, _) = await watcher.perform(.recover, on: target, startMade: {}) else {
            Issue.record("not started")
            return
        }
        let daemon = try ProcessHandle(pid: #require(identity.pid))
        #expect(daemon.isAlive)
        #expect(try processes(with: name) == [identity.pid])
        try daemon.send(SIGKILL)
    }

    // MARK: Helpers

    private func age(_ process: TestProcess) -> (UInt64, Int32) {
        ((try? ProcFS().stat(of: process.pid).startTicks) ?? 0, process.pid)
    }

    private func processes(with text: String) throws -> [Int32] {
        try ProcFS().processIDs().filter { pid in
            (try? ProcFS().commandLine(of: pid)).map { CommandLineText($0).contains(ByteText(text)) } ?? false
        }
    }
}

/// The machine's processes; counts how often all are listed to look at their command lines.
private final class CountingProcesses: ForwardingProcesses {
    private let count = NIOLockedValueBox(0)
    private let (counts, continuation) = AsyncStream.makeStream(of: Int.self)

    var listings: Int { count.withLockedValue { $0 } }

    /// Waits for that many listings.
    func listing(_ number: Int) async {
        for await count in counts where count >= number { return }
    }

    func processIDs() throws(Errno) -> [Int32] {
        continuation.yield(
            count.withLockedValue { count in
                count += 1
                return count
            })
        return try ProcFS().processIDs()
    }
}

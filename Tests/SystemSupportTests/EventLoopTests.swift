import Glibc
import NIOConcurrencyHelpers
import Supervision
import SystemSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct EventLoopTests {
    private let clock = BootClock()

    @Test func alarmsComeInOrderAndNotBefore() async throws {
        let loop = try EventLoop()
        let (rung, continuation) = AsyncStream.makeStream(of: (tick: Int, isLate: Bool).self)
        // Far enough away that all are set before the first is due.
        let start = clock.now.advanced(by: .seconds(1))
        let alarms = [3, 1, 2].map { tick in
            let deadline = start.advanced(by: .milliseconds(tick))
            return loop.schedule(at: deadline) { continuation.yield((tick, BootClock().now >= deadline)) }
        }
        var order: [Int] = []
        for await (tick, isLate) in rung {
            #expect(isLate)
            order.append(tick)
            if order.count == alarms.count { break }
        }
        #expect(order == [1, 2, 3])
    }

    @Test func whoIsCancelledWakesAtOnce() async throws {
        let loop = try EventLoop()
        let sleeper = Task { try await loop.sleep(until: BootClock().now.advanced(by: .seconds(3600))) }
        sleeper.cancel()
        await #expect(throws: CancellationError.self) { try await sleeper.value }
    }

    @Test func aMomentThatIsPastIsNotWaitedFor() async throws {
        let loop = try EventLoop()
        try await loop.sleep(until: BootInstant(sinceBoot: .zero))
        try await BootClock(sleepingOn: loop).sleep(until: BootInstant(sinceBoot: .seconds(-5)), tolerance: nil)
    }

    @Test func anActorRunsOnTheLoopsThread() async throws {
        let loop = try EventLoop()
        let onLoop = await withCheckedContinuation { continuation in
            loop.execute { continuation.resume(returning: pthread_self()) }
        }
        let resident = Resident(loop: loop)
        #expect(await resident.thread == onLoop)
        #expect(await resident.count(to: 1000) == 1000)
    }

    @Test func aSignalCallsBack() async throws {
        let loop = try EventLoop()
        let (calls, continuation) = AsyncStream.makeStream(of: Void.self)
        let watch = try SignalWatch([SIGUSR2], on: loop) { continuation.yield() }
        var iterator = calls.makeAsyncIterator()
        for _ in 1...3 {
            kill(getpid(), SIGUSR2)
            await iterator.next()
        }
        withExtendedLifetime(watch) {}
    }

    @Test func aSignalThatIsNoneIsRefused() throws {
        let loop = try EventLoop()
        #expect(throws: (any Error).self) { try SignalWatch([0], on: loop) {} }
        #expect(throws: (any Error).self) { try SignalWatch([4711], on: loop) {} }
    }
}

private actor Resident {
    private nonisolated let loop: EventLoop
    private var counter = 0

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(loop: EventLoop) {
        self.loop = loop
    }

    var thread: pthread_t { pthread_self() }

    func count(to limit: Int) async -> Int {
        for _ in 0..<limit {
            await Task.yield()
            counter += 1
        }
        return counter
    }
}

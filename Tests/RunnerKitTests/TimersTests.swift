import RunnerKit
import Supervision
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct TimersTests {
    private let clock = TestClock()
    private let targets = (1...4).map { TargetID(kind: .process, name: "/run/\($0).pid") }

    /// Runs `body` beside a queue; gives it the targets whose deadlines came.
    private func withQueue(
        _ body: (DeadlineQueue<TestClock>, inout AsyncStream<TargetID>.Iterator) async throws -> Void
    ) async throws {
        let (fired, continuation) = AsyncStream.makeStream(of: TargetID.self)
        let queue = DeadlineQueue(clock: clock) { continuation.yield($0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await queue.run() }
            var iterator = fired.makeAsyncIterator()
            try await body(queue, &iterator)
            group.cancelAll()
        }
    }

    private func after(_ seconds: Int) -> BootInstant { BootInstant(sinceBoot: .seconds(1000 + seconds)) }

    // MARK: - Deadlines

    @Test func deadlinesComeInTheirOrder() async throws {
        try await withQueue { queue, fired in
            for (target, seconds) in zip(targets, [30, 10, 20]) { queue.set(after(seconds), for: target) }
            for (target, seconds) in [(targets[1], 10), (targets[2], 20), (targets[0], 30)] {
                while clock.now < after(seconds) {
                    clock.advance(to: await clock.sleep(until: after(seconds)))
                }
                #expect(await fired.next(isolation: #isolation) == target)
            }
        }
    }

    @Test func anEarlierDeadlineWakesASleeperThatWouldBeTooLate() async throws {
        try await withQueue { queue, fired in
            // One that has come: from here on the queue is known to be at rest.
            queue.set(after(0), for: targets[2])
            _ = await fired.next(isolation: #isolation)
            queue.set(after(100), for: targets[0])
            #expect(await clock.sleep(until: after(100)) == after(100))
            queue.set(after(5), for: targets[1])
            #expect(await clock.sleep(until: after(5)) == after(5))
            clock.advance(to: after(5))
            #expect(await fired.next(isolation: #isolation) == targets[1])
        }
    }

    @Test func aDeadlineThatWasTakenBackOrPutOffDoesNotCome() async throws {
        try await withQueue { queue, fired in
            queue.set(after(10), for: targets[0])
            queue.set(after(11), for: targets[1])
            _ = await clock.sleep(until: after(10))
            queue.set(nil, for: targets[0])
            queue.set(after(50), for: targets[1])
            queue.set(after(20), for: targets[2])
            clock.advance(to: after(11))
            clock.advance(to: await clock.sleep(until: after(20)))
            #expect(await fired.next(isolation: #isolation) == targets[2])
            clock.advance(to: await clock.sleep(until: after(50)))
            #expect(await fired.next(isolation: #isolation) == targets[1])
        }
    }

    @Test func aDeadlineThatIsOverComesAtOnce() async throws {
        try await withQueue { queue, fired in
            queue.set(after(-5), for: targets[0])
            #expect(await fired.next(isolation: #isolation) == targets[0])
            // It was one deadline: the same again is another one.
            queue.set(after(-5), for: targets[0])
            #expect(await fired.next(isolation: #isolation) == targets[0])
        }
    }

    // MARK: - Permits

    @Test func permitsAreHandedOutInTheOrderOfTheRequests() async {
        let (permits, continuation) = AsyncStream.makeStream(of: TargetID.self)
        let gate = StartGate(capacity: 2) { continuation.yield($0) }
        for target in targets { gate.request(target) }
        gate.release(targets[2])  // It waited, and wants no more.
        gate.release(targets[0])
        gate.release(targets[1])
        gate.release(targets[3])
        continuation.finish()
        var order: [TargetID] = []
        for await target in permits { order.append(target) }
        #expect(order == [targets[0], targets[1], targets[3]])
    }
}

extension TestClock {
    /// Waits until somebody sleeps until that moment, passing over others.
    fileprivate func sleep(until moment: BootInstant) async -> BootInstant {
        while let deadline = await nextSleep() {
            if deadline == moment { return deadline }
        }
        return now
    }
}

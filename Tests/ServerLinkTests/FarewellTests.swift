import InMemoryLogging
import ServerLink
import Supervision
import TestSupport
import Testing
import WireProtocol

/// The end of the runner takes only so long, whatever the server does.
@Suite(.timeLimit(.minutes(1))) struct FarewellTests {
    private let clock = TestClock()

    @Test(arguments: [
        // Seconds since the signal, what is asked for, what is left to others, what is given.
        (0, 5, 0, 5), (7, 5, 0, 5), (9, 5, 0, 3), (10, 5, 0, 2), (11, 5, 0, 1), (30, 5, 0, 1), (0, 2, 1, 2),
        (9, 2, 1, 2), (10, 2, 1, 1), (11, 2, 1, 1),
    ])
    func whatTheActionInHandTookIsTakenFromTheLastWords(passed: Int, asked: Int, reserve: Int, given: Int) {
        let farewell = Farewell(clock: clock)
        farewell.begin()
        clock.advance(by: .seconds(passed))
        farewell.begin()
        let deadline = farewell.deadline(atMost: .seconds(asked), leaving: .seconds(reserve))
        #expect(clock.now.duration(to: deadline) == .seconds(given))
    }

    @Test(arguments: [(0, 5), (10, 2), (15, 1)])
    func aHeartbeatThatHangsIsGivenUpAndTheGoodbyeIsTried(afterSignal: Int, limit: Int) async throws {
        try await withStubServer { stub in
            stub.script(.batch, always: .hang)
            let farewell = Farewell(clock: clock)
            try await withTransport(to: stub.endpoint, clock: clock) { transport in
                let service = HeartbeatService(
                    configuration: .init(
                        targets: [.bot(1)], interval: .seconds(30), runner: RunnerInfo(id: "r"), seq: 1000),
                    transport: transport, farewell: farewell, clock: clock,
                    civilTime: { [clock] in clock.civilTime }, logger: InMemoryLogHandler().logger, seed: 1
                ) { _ in }
                let ending = {
                    let shares = [Duration.seconds(limit) * 2 / 5, .seconds(limit) * 3 / 5]
                    for (index, share) in shares.enumerated() {
                        // Before its time is over it has to have arrived.
                        _ = try await stub.request(.batch, after: index - 1)
                        await clock.sleep(lasting: share)
                        clock.advance(by: share)
                    }
                }
                try await beside({ try await service.run() }, ending: ending) {
                    await service.tell(TargetReport(status: .ok), of: WatchedTarget.bot(1).id)
                    _ = try await stub.request(.batch)
                    farewell.begin()
                    clock.advance(by: .seconds(afterSignal))
                }
            }
            #expect(stub.requests.count == 2)
            #expect(try #require(stub.requests.last).decode(HeartbeatBatch.self).runner?.state == .stopping)
        }
    }
}

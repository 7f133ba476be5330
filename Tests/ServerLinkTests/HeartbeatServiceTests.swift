import InMemoryLogging
import Logging
import NIOConcurrencyHelpers
import ServerLink
import Supervision
import TestSupport
import Testing
import WireProtocol

@Suite(.timeLimit(.minutes(1))) struct HeartbeatServiceTests {
    private let clock = TestClock()
    private let log = InMemoryLogHandler()
    private let forgotten = NIOLockedValueBox<[Int64]>([])
    private let lastSeq = NIOLockedValueBox<Int64>(1000)
    private let targets = [WatchedTarget.bot(1), .bot(2)]
    private let up = TargetReport(status: .ok, memoryMB: 12.5)

    /// Runs a service against a stub; ends it in good order after `body`.
    private func withService(
        _ stub: StubServer, outbox: Outbox = Outbox(), _ body: (HeartbeatService<TestClock>) async throws -> Void
    ) async throws {
        try await withTransport(to: stub.endpoint) { transport in
            let service = HeartbeatService(
                configuration: .init(
                    targets: targets, interval: .seconds(30),
                    runner: RunnerInfo(id: "r", hostname: "web-1", version: "0.1.0", bootID: "b"), seq: 1000,
                    outbox: outbox),
                transport: transport, farewell: Farewell(clock: clock), clock: clock,
                civilTime: { [clock] in clock.civilTime }, logger: log.logger, seed: 1
            ) { [forgotten] seqs in forgotten.withLockedValue { $0 += seqs } }
            try await beside({ try await service.run() }) { try await body(service) }
        }
    }

    /// Tells a report as the journal does: with a number once it has an event.
    private func tell(
        _ service: HeartbeatService<TestClock>, _ report: TargetReport, of id: TargetID, at moment: BootInstant
    ) async {
        guard report.event != nil, let target = targets.first(where: { $0.id == id }) else {
            await service.tell(report, of: id)
            return
        }
        let seq = lastSeq.withLockedValue { seq in
            seq += 1
            return seq
        }
        await service.tell(
            StateChange(seq: seq, target: target, report: report, observed: moment, eventID: "r:\(seq)"))
    }

    private func tellAllUp(_ service: HeartbeatService<TestClock>) async {
        for target in targets { await tell(service, up, of: target.id, at: clock.now) }
    }

    private func change(_ kind: HeartbeatEvent.Kind) -> TargetReport {
        TargetReport(status: .error, message: "bot-1 \(kind.rawValue)", event: HeartbeatEvent(kind: kind, pid: 42))
    }

    // MARK: - At once

    @Test func whenEveryTargetWasLookedAtTheFirstBatchSaysHowTheyAre() async throws {
        try await withStubServer { stub in
            try await withService(stub) { service in
                await tellAllUp(service)
                let batch = try await stub.request(.batch).decode(HeartbeatBatch.self)
                #expect(batch.runner?.state == .starting)
                #expect(batch.runner?.bootID == "b")
                #expect(batch.sentAt == clock.civilTime)
                #expect(
                    batch.heartbeats
                        == targets.map {
                            Heartbeat(
                                agent: $0.agent, status: .ok, memoryMB: 12.5, restartType: "process",
                                restartTarget: $0.id.name, interval: 30, seq: 1000)
                        })
            }
        }
    }

    @Test func aChangeArrivesAtOnceWithItsOwnTime() async throws {
        try await withStubServer { stub in
            try await withService(stub) { service in
                await tellAllUp(service)
                _ = try await stub.request(.batch)
                await tell(service, change(.died), of: targets[0].id, at: clock.now.advanced(by: .seconds(-3)))
                let died = try await stub.heartbeat { $0.event != nil }
                #expect(died.runner?.state == .running)
                #expect(
                    died.heartbeat
                        == Heartbeat(
                            agent: "bot-1", status: .error, message: "bot-1 died", restartType: "process",
                            restartTarget: "/run/bot-1.pid", interval: 30,
                            observedAt: clock.civilTime.advanced(by: .seconds(-3)), seq: 1001, eventID: "r:1001",
                            event: HeartbeatEvent(kind: .died, pid: 42)))
            }
        }
    }

    @Test func everyIntervalEverythingGoesOutAgainWithTheNewestNumber() async throws {
        try await withStubServer { stub in
            try await withService(stub) { service in
                await tellAllUp(service)
                await tell(service, change(.started), of: targets[1].id, at: clock.now)
                let started = try await stub.heartbeat { $0.event != nil }
                clock.advance(to: await clock.sleep(atMost: .seconds(30)))
                let round = try await stub.request(.batch, after: started.request)
                let heartbeats = try round.decode(HeartbeatBatch.self).heartbeats
                #expect(heartbeats.map(\.agent) == ["bot-1", "bot-2"])
                #expect(heartbeats.map(\.seq) == [1001, 1001])
                #expect(heartbeats.map(\.event) == [nil, nil])
                #expect(heartbeats.map(\.status) == [.ok, .error])
            }
        }
    }

    @Test func whatWasNotLookedAtInTimeIsToldAsThat() async throws {
        try await withStubServer { stub in
            try await withService(stub) { service in
                await tell(service, up, of: targets[1].id, at: clock.now)
                #expect(stub.requests.isEmpty)
                await clock.sleep(lasting: HeartbeatService<TestClock>.patience)
                clock.advance(by: HeartbeatService<TestClock>.patience)
                _ = try await stub.request(.batch)
                clock.advance(to: await clock.sleep(atMost: .seconds(30)))
                let unseen = try await stub.heartbeat { $0.agent == "bot-1" }
                #expect(unseen.heartbeat.status == .warning)
                #expect(unseen.heartbeat.message == "bot-1 was not looked at yet")
            }
        }
    }

    @Test func memoryThatChangedIsNoReasonForARequest() async throws {
        try await withStubServer { stub in
            try await withService(stub) { service in
                await tellAllUp(service)
                let first = try await stub.request(.batch)
                await tell(
                    service, TargetReport(status: .ok, memoryMB: 99), of: targets[0].id, at: clock.now)
                await tell(service, change(.died), of: targets[1].id, at: clock.now)
                let next = try await stub.request(.batch, after: first.index)
                #expect(try next.decode(HeartbeatBatch.self).heartbeats.map(\.agent) == ["bot-2"])
                clock.advance(to: await clock.sleep(atMost: .seconds(30)))
                _ = try await stub.heartbeat { $0.agent == "bot-1" && $0.memoryMB == 99 }
            }
        }
    }

    // MARK: - A server that is away, or old

    @Test func whatHappensWhileTheServerIsAwayArrivesOnceAndInOrderWithItsOwnTimes() async throws {
        try await withStubServer { stub in
            try await withService(stub) { service in
                await tellAllUp(service)
                _ = try await stub.request(.batch)
                try await stub.goAway()
                let began = clock.now
                let kinds: [HeartbeatEvent.Kind] = [.died, .restarting, .started]
                for (second, kind) in kinds.enumerated() {
                    await tell(
                        service, change(kind), of: targets[0].id, at: began.advanced(by: .seconds(second - 10)))
                }
                let retry = await clock.sleep(atMost: .seconds(1.2))
                try await stub.comeBack()
                clock.advance(to: retry)
                _ = try await stub.heartbeat { $0.event?.kind == .started }
                let told = stub.heartbeats.map(\.heartbeat).filter { $0.event != nil }
                #expect(told.map(\.event?.kind) == kinds)
                #expect(told.map(\.seq) == [1001, 1002, 1003])
                #expect(Set(told.map(\.eventID)).count == 3)
                let happened = (-10...(-8)).map {
                    clock.civilTime.advanced(by: .seconds($0) - began.duration(to: clock.now))
                }
                #expect(told.map(\.observedAt) == happened)
            }
            #expect(log.told.contains("The server takes heartbeats again"))
        }
    }

    @Test func aChangeWhoseAnswerWasLostIsSentAgainUnderTheSameKey() async throws {
        try await withStubServer { stub in
            try await withService(stub) { service in
                await tellAllUp(service)
                _ = try await stub.request(.batch)
                stub.script(.batch, StubServer.Answer.close.afterEffect)
                await tell(service, change(.died), of: targets[0].id, at: clock.now)
                let first = try await stub.heartbeat { $0.event != nil }
                clock.advance(to: await clock.sleep(atMost: .seconds(1.2)))
                let second = try await stub.heartbeat(after: first.index) { $0.event != nil }
                #expect(second.heartbeat.eventID == first.heartbeat.eventID)
                #expect(second.heartbeat.seq == first.heartbeat.seq)
                #expect(second.heartbeat.observedAt == first.heartbeat.observedAt)
            }
        }
    }

    @Test(arguments: [404, 405]) func anOlderServerGetsSingleHeartbeats(status: Int) async throws {
        try await withStubServer(.init(knowledge: .base(batchStatus: status))) { stub in
            try await withService(stub) { service in
                // One of them can't be looked at: it holds up nobody.
                await tell(service, up, of: targets[1].id, at: clock.now)
                await clock.sleep(lasting: HeartbeatService<TestClock>.patience)
                clock.advance(by: HeartbeatService<TestClock>.patience)
                _ = try await stub.heartbeat { $0.agent == "bot-2" }
                await tell(service, change(.died), of: targets[1].id, at: clock.now)
                let died = try await stub.heartbeat { $0.event?.kind == .died }
                #expect(died.heartbeat.sentAt == clock.civilTime)
                clock.advance(to: await clock.sleep(atMost: .seconds(30)))
                _ = try await stub.heartbeat(after: died.index) { $0.agent == "bot-2" }
            }
            #expect(stub.requests.count { $0.path == WirePath.batch } == 1)
        }
    }

    @Test func anAgentThatTheServerRefusesIsToldOnceAndCostsNobodyElse() async throws {
        try await withStubServer { stub in
            stub.refuse(agent: "bot-1", because: "not registered")
            try await withService(stub) { service in
                await tellAllUp(service)
                _ = try await stub.request(.batch)
                for kind in [HeartbeatEvent.Kind.died, .restarting] {
                    await tell(service, change(kind), of: targets[0].id, at: clock.now)
                }
                await tell(service, change(.died), of: targets[1].id, at: clock.now)
                let good = try await stub.heartbeat { $0.agent == "bot-2" && $0.event != nil }
                #expect(good.accepted)
            }
            #expect(stub.heartbeats.count { $0.heartbeat.event?.kind == .restarting } == 1)
        }
    }

    enum Refusal: CaseIterable {
        /// As ours does.
        case oneByOne
        /// As another one may.
        case wholeBatches
    }

    @Test(arguments: Refusal.allCases) func ofFiveHundredOneThatIsRefusedCostsNoOther(refusal: Refusal) async throws {
        let poison = 257
        var outbox = Outbox()
        for number in 1...500 { outbox.append(.change(Int64(number), of: number)) }
        try await withStubServer { stub in
            switch refusal {
            case .oneByOne: stub.refuse(agent: "bot-\(poison)", because: "not registered")
            case .wholeBatches: stub.refuseBatches(with: "bot-\(poison)")
            }
            try await withService(stub, outbox: outbox) { service in
                await tellAllUp(service)
                _ = try await stub.heartbeat { $0.agent == "bot-500" }
            }
            let taken = stub.heartbeats.filter { $0.accepted && $0.heartbeat.event != nil }.map(\.heartbeat.agent)
            #expect(taken == (1...500).filter { $0 != poison }.map { "bot-\($0)" })
            // Five full batches and the goodbye; with a server that takes all or nothing, the halving as well.
            #expect(stub.requests.count <= (refusal == .oneByOne ? 7 : 25), "\(stub.requests.count)")
            let told = log.entries.filter { $0.message == "The server refused a heartbeat for good" }
            #expect(told.map { $0.metadata["agent"] } == ["bot-\(poison)"])
            #expect(forgotten.withLockedValue { $0 }.sorted() == (1...500).map(Int64.init))
        }
    }

    // MARK: - Numbers

    @Test func whatTheServerHasTakenOrRefusedNeedNotBeKept() async throws {
        try await withStubServer { stub in
            stub.refuse(agent: "bot-2", because: "not registered")
            try await withService(stub) { service in
                await tellAllUp(service)
                _ = try await stub.request(.batch)
                #expect(forgotten.withLockedValue { $0 } == [])
                await tell(service, change(.died), of: targets[0].id, at: clock.now)
                await tell(service, change(.died), of: targets[1].id, at: clock.now)
            }
            #expect(forgotten.withLockedValue { $0 }.sorted() == [1001, 1002])
        }
    }

    @Test func whatAnEarlierRunnerCouldNotDeliverGoesOutFirst() async throws {
        var outbox = Outbox()
        outbox.append(.change(998, of: 1))
        // Of a target that is not watched any more.
        outbox.append(.change(999, of: 7))
        try await withStubServer { stub in
            try await withService(stub, outbox: outbox) { service in
                await tellAllUp(service)
                let batch = try await stub.request(.batch).decode(HeartbeatBatch.self)
                #expect(batch.heartbeats.map(\.agent) == ["bot-1", "bot-7", "bot-2"])
                #expect(batch.heartbeats.map(\.seq) == [998, 999, 1000])
            }
            #expect(forgotten.withLockedValue { $0 } == [998, 999])
        }
    }

    // MARK: - The end

    @Test func atTheEndWhatIsLeftAndTheGoodbyeGoOut() async throws {
        try await withStubServer { stub in
            try await withService(stub) { service in
                await tellAllUp(service)
                _ = try await stub.request(.batch)
                await tell(service, change(.died), of: targets[0].id, at: clock.now)
            }
            let goodbye = try #require(stub.requests.last).decode(HeartbeatBatch.self)
            #expect(goodbye.runner?.state == .stopping)
            #expect(goodbye.runner?.reason == "the runner was told to stop")
            #expect(stub.heartbeats.count { $0.heartbeat.event?.kind == .died } == 1)
            // A living agent is not reported as shut down.
            #expect(!stub.heartbeats.contains { $0.heartbeat.status == .shutdown })
        }
    }

    @Test func aServerThatIsAwayDoesNotHoldUpTheEnd() async throws {
        try await withStubServer { stub in
            try await withService(stub) { service in
                await tellAllUp(service)
                _ = try await stub.request(.batch)
                try await stub.goAway()
                await tell(service, change(.died), of: targets[0].id, at: clock.now)
            }
            #expect(stub.requests.count == 1)
        }
    }

    @Test func aRunnerThatIsToldToStopBeforeItsFirstLookSaysGoodbyeAllTheSame() async throws {
        try await withStubServer { stub in
            try await withService(stub) { _ in await clock.sleep(lasting: HeartbeatService<TestClock>.patience) }
            let goodbye = try await stub.request(.batch).decode(HeartbeatBatch.self)
            #expect(goodbye.runner?.state == .stopping)
        }
    }
}

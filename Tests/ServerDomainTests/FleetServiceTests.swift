import Logging
import ServerDomain
import ServerTestSupport
import ServiceLifecycle
import Testing
import WireProtocol

@Suite struct FleetServiceTests {
    /// Runs a service over a gated store for as long as the body takes.
    private func serve(
        _ manual: ManualClock = ManualClock(),
        _ body: @Sendable (FleetService, GatedRepository, ManualClock) async throws -> Void
    ) async throws {
        let repository = GatedRepository()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let service = try await FleetService(repository: repository, clock: manual.clock, logger: logger)
        let group = ServiceGroup(configuration: .init(services: [service], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await body(service, repository, manual)
            await group.triggerGracefulShutdown()
            repository.outcomes.finish()
            try await tasks.waitForAll()
        }
    }

    private static func beat(_ name: String) -> @Sendable (inout Fleet, inout Turn) -> HeartbeatOutcome {
        { fleet, turn in
            var report = HeartbeatReport(agent: name)
            report.interval = .seconds(30)
            return fleet.receive(report, from: Sender(), &turn)
        }
    }

    @Test func `What queued while a commit ran shares the next one`() async throws {
        try await serve { service, repository, _ in
            var commits = repository.commits.makeAsyncIterator()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await service.decide(in: ProjectID(rawValue: 1), Self.beat("first")) }
                #expect(await commits.next()?.heartbeats.count == 1)
                for number in 0..<20 {
                    group.addTask { _ = try await service.decide(in: ProjectID(rawValue: 1), Self.beat("\(number)")) }
                }
                // The twenty are queued once all of them can be seen waiting; the first commit still hangs.
                while await service.waiting < 20 { await Task.yield() }
                repository.outcomes.yield(true)
                #expect(await commits.next()?.heartbeats.count == 20)
                repository.outcomes.yield(true)
                try await group.waitForAll()
            }
        }
    }

    @Test func `After a failed commit nothing counts and the next one may succeed`() async throws {
        try await serve { service, repository, _ in
            repository.outcomes.yield(false)
            await #expect(throws: FleetServiceError.storeFailed) {
                try await service.decide(in: ProjectID(rawValue: 1), Self.beat("lost"))
            }
            #expect(await service.read(ProjectID(rawValue: 1)) { fleet, _ in fleet.agents.isEmpty })
            repository.outcomes.yield(true)
            _ = try await service.decide(in: ProjectID(rawValue: 1), Self.beat("kept"))
            #expect(await service.read(ProjectID(rawValue: 1)) { fleet, _ in fleet.agents.count } == 1)
        }
    }

    @Test func `Silence is told when its time has come, without anybody asking`() async throws {
        try await serve { service, repository, manual in
            var commits = repository.commits.makeAsyncIterator()
            for _ in 0..<2 { repository.outcomes.yield(true) }
            _ = try await service.decide(in: ProjectID(rawValue: 1), Self.beat("bot"))
            _ = await commits.next()
            try await manual.sleeper(until: .seconds(65))
            manual.advance(by: .seconds(65))
            #expect(await commits.next()?.events.map(\.kind) == ["silent"])
        }
    }

    @Test func `An agent with a shorter interval moves the next look forward`() async throws {
        try await serve { service, repository, manual in
            for _ in 0..<2 { repository.outcomes.yield(true) }
            _ = try await service.decide(in: ProjectID(rawValue: 1), Self.beat("slow"))
            try await manual.sleeper(until: .seconds(65))
            _ = try await service.decide(in: ProjectID(rawValue: 1)) { fleet, turn in
                var report = HeartbeatReport(agent: "quick")
                report.interval = .seconds(1)
                return fleet.receive(report, from: Sender(), &turn)
            }
            try await manual.sleeper(until: .seconds(7))
        }
    }

    @Test func `A ring between listening and waiting is not lost, and a closed bell ends every wait`() async {
        let doorbell = Doorbell()
        let topic = Topic.commands(ProjectID(rawValue: 1), nil)
        let bell = doorbell.listen(to: topic)
        doorbell.ring([topic, .deadline])
        var rings = bell.makeAsyncIterator()
        #expect(await rings.next() != nil)
        doorbell.close()
        #expect(await rings.next() == nil)
        var late = doorbell.listen(to: topic).makeAsyncIterator()
        #expect(await late.next() == nil)
    }
}

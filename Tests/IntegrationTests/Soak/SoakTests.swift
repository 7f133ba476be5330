import FoundationEssentials
import TestSupport
import Testing

/// A long time in a short one: what leaks or is forgotten once in a thousand deaths shows here.
@Suite(.timeLimit(.minutes(75))) struct SoakTests {
    /// `scripts/soak` says how long.
    private static let duration = Duration.seconds(
        ProcessInfo.processInfo.environment["CLEVAGENT_SOAK_SECONDS"].flatMap { Int64($0) } ?? 60)
    private static let runner = ProcessInfo.processInfo.environment["CLEVAGENT_SOAK_RUNNER"]

    @Test func twentyDeathsASecondAreEachToldOnceAndNothingGrows() async throws {
        var options = FaultWorld.Options()
        options.names = Soak.flapping + [Soak.calm, Soak.switched]
        if let runner = Self.runner { options.runner = runner }
        options.settings = "{grace: 0, backoff: {initial: 0, max: 0}}"
        let report = try await FaultWorld.run(options) { world in
            let soak = Soak(world, for: Self.duration)
            try await soak.run()
            let killed = await soak.killed
            let orders = await soak.orders
            let deaths = killed.values.reduce(0) { $0 + $1.count }
            let events = try await settled(world, deaths, orders.count)

            var faults = SoakVerdict.deaths(killed, told: events)
            faults += SoakVerdict.commands(orders, told: events) { world.agents.lives(of: $0).count }
            if await soak.ranWhileHeld > 0 { faults.append("what a stop held ran \(await soak.ranWhileHeld) times") }
            if deaths < Int(Self.duration.components.seconds) * 15 { faults.append("only \(deaths) deaths") }
            if SoakSample(world).values[.zombies] != 0 { faults.append("a zombie is left") }
            return SoakReport(
                "Soak of \(Self.duration): \(deaths) deaths, \(await soak.outageCount) outages, \(orders.count) commands",
                await soak.samples, faults: faults)
        }
        print(report.text)
        #expect(report.faults == [])
    }

    /// Waits until the server has heard of every death and of each command's end.
    private func settled(
        _ world: FaultWorld, _ deaths: Int, _ commands: Int
    ) async throws -> [BuiltServer.Events.Event] {
        try await world.proxy.eventually("\(deaths) deaths and \(commands) results", within: .seconds(300)) {
            let events = try await world.server.history()
            let isWhole =
                events.count { $0.kind == "died" } >= deaths
                && events.count { SoakVerdict.isCommandEnd($0) } >= commands
            return isWhole ? events : nil
        }
    }
}

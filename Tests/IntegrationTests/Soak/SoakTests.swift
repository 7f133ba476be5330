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
        options.names = Soak.flapping + [Soak.commanded]
        if let runner = Self.runner { options.runner = runner }
        options.settings = "{grace: 0, backoff: {initial: 0, max: 0}}"
        try await FaultWorld.run(options) { world in
            let soak = Soak(world, for: Self.duration)
            try await soak.run()
            let killed = await soak.killed
            let commands = await soak.commands
            let events = try await settled(world, killed, commands)
            let deaths = killed.values.reduce(0) { $0 + $1.count }
            let report = SoakReport(
                "Soak of \(Self.duration): \(deaths) deaths, \(await soak.outageCount) outages, \(commands.count) commands",
                await soak.samples)
            print(report.text)

            for (name, pids) in killed {
                let told = events.filter { $0.agent == name && $0.kind == "died" }.compactMap(\.pid)
                #expect(told == pids, "\(name)")
            }
            #expect(deaths >= Int(Self.duration.components.seconds) * 15)
            let lives = world.agents.lives(of: Soak.commanded).count
            let completed = events.count { $0.agent == Soak.commanded && $0.kind == "command_completed" }
            #expect(completed == commands.count)
            #expect(lives == 1 + commands.count)
            #expect(SoakSample(world).values[.zombies] == 0)
            for row in report.rows { #expect(row.isFlat, "\(row.quantity.rawValue): \(row.first), then \(row.last)") }
        }
    }

    /// Waits until the server has heard of every death and of each command's end.
    private func settled(
        _ world: FaultWorld, _ killed: [String: [Int32]], _ commands: [Int64]
    ) async throws -> [BuiltServer.Events.Event] {
        let deaths = killed.values.reduce(0) { $0 + $1.count }
        return try await world.proxy.eventually("\(deaths) deaths and \(commands.count) results", within: .seconds(300))
        {
            let events = try await world.server.history()
            let isWhole =
                events.count { $0.kind == "died" } >= deaths
                && events.count { $0.kind == "command_completed" || $0.kind == "command_failed" } >= commands.count
            return isWhole ? events : nil
        }
    }
}

import FoundationEssentials
import RunnerKit
import TestSupport
import Testing
import WireProtocol

#if canImport(Glibc)
    import Glibc
#endif

/// The settings file is read again while the runner is at work.
@Suite(.timeLimit(.minutes(3))) struct SettingsReloadTests {
    @Test func whatIsNewIsWatchedAndWhatStaysIsNotTouched() async throws {
        try await withReloading(["bot"]) { desk in
            _ = try await desk.ask("pause", "bot")
            try await desk.agents.start("new")
            try desk.write(["bot", "new"])
            #expect(try await desk.ask("reload").lines == ["2 targets: 1 new, 0 gone, 0 changed"])
            _ = try await desk.stub.heartbeat { $0.agent == "new" && $0.status == .ok }
            kill(try #require(desk.agents.processID(of: "new")), SIGKILL)
            _ = try await desk.stub.heartbeat { $0.agent == "new" && $0.event?.kind == .restarted }
            #expect(desk.agents.lives(of: "new").count == 2)
            let bot = try #require(await desk.status().targets.first { $0.agent == "bot" })
            #expect(bot.pause != nil && bot.pid == desk.agents.processID(of: "bot"))
            #expect(desk.agents.lives(of: "bot").count == 1)
        }
    }

    @Test func whatIsNotNamedAnyMoreIsToldAndLeftAlone() async throws {
        try await withReloading(["bot", "gone"]) { desk in
            try desk.write(["bot"])
            desk.runner.signal(SIGHUP)
            let told = try await desk.stub.heartbeat { $0.event?.kind == .unwatched }
            #expect(told.heartbeat.agent == "gone" && told.heartbeat.status == .shutdown)
            #expect(try await desk.status().targets.map(\.agent) == ["bot"])
            let command = desk.stub.queue("restart", target: desk.agents.pidFile(of: "gone"), agent: "gone")
            #expect(try await desk.stub.result(of: command.id).result.status == .rejected)
            // Nobody watches it: it stays dead, and one that is named again is watched again.
            kill(try #require(desk.agents.processID(of: "gone")), SIGKILL)
            kill(try #require(desk.agents.processID(of: "bot")), SIGKILL)
            _ = try await desk.stub.heartbeat { $0.agent == "bot" && $0.event?.kind == .restarted }
            #expect(desk.agents.lives(of: "gone").count == 1)
            try await desk.agents.start("gone")
            try desk.write(["bot", "gone"])
            let seen = desk.stub.heartbeats.count - 1
            #expect(try await desk.ask("reload").status == 0)
            _ = try await desk.stub.heartbeat(after: seen) { $0.agent == "gone" && $0.status == .ok }
            kill(try #require(desk.agents.processID(of: "gone")), SIGKILL)
            _ = try await desk.stub.heartbeat { $0.agent == "gone" && $0.event?.kind == .restarted }
            #expect(desk.agents.lives(of: "gone").count == 3)
        }
    }

    @Test func otherSettingsOfATargetAreInForceAtItsNextDeath() async throws {
        try await withReloading(["bot"]) { desk in
            try desk.write(["bot"], with: "restart-policy: never")
            #expect(try await desk.ask("reload").lines == ["1 target: 0 new, 0 gone, 1 changed"])
            #expect(try await desk.status().targets.map(\.policy) == ["never"])
            kill(try #require(desk.agents.processID(of: "bot")), SIGKILL)
            let died = try await desk.stub.heartbeat { $0.event?.kind == .died }
            #expect(died.heartbeat.message?.hasSuffix("the restart policy is never, so it stays down") == true)
        }
    }

    @Test func aBrokenFileChangesNothingAndIsTold() async throws {
        try await withReloading(["bot"]) { desk in
            try desk.write(["bot", "other"], with: "restart-polcy: always")
            let answer = try await desk.ask("reload")
            #expect(answer.status == 1 << 8)
            #expect(answer.lines.first == "clevagent-runner: the settings are wrong, and those before stay in force")
            #expect(answer.lines.dropFirst().allSatisfy { $0.contains("did you mean 'restart-policy'?") })
            #expect(answer.lines.count == 3)
            let status = try await desk.status()
            #expect(status.targets.map(\.agent) == ["bot"])
            #expect(status.runner.reload?.ok == false && status.runner.reload?.problems.count == 2)
            #expect(try await desk.ask("status").lines.contains { $0.contains("settings: NOT taken") })
            try desk.write(["bot"])
            #expect(try await desk.ask("reload").status == 0)
            #expect(try await desk.status().runner.reload?.ok == true)
        }
    }

    @Test func whatIsOfTheRunnerItselfWaitsForItsNextStart() async throws {
        try await withReloading(["bot"]) { desk in
            try desk.write(["bot"], header: "log-level: DEBUG\nsystemd-scope: user")
            #expect(
                try await desk.ask("reload").lines
                    == ["1 target: 0 new, 0 gone, 0 changed; after the next start: log-level, systemd-scope"])
        }
    }

    @Test func aProcessOfAnotherRunnerIsNotTakenOver() async throws {
        try await withReloading(["bot"]) { desk in
            try await desk.agents.start("other")
            let second = try desk.startRunner(["other"], state: "second")
            _ = try await desk.stub.heartbeat { $0.agent == "other" && $0.status == .ok }
            try desk.write(["bot", "other"])
            let answer = try await desk.ask("reload")
            #expect(answer.status == 1 << 8)
            #expect(answer.lines.last?.contains("is watched by another runner of this user on this host") == true)
            #expect(await second.end() == 0)
            #expect(try await desk.ask("reload").status == 0, "once that has ended, it can be had")
        }
    }

    /// A thousand reloads, every third of a file that can't be read, while targets come, go and die.
    @Test func aStormOfReloadsLosesNothing() async throws {
        let names = (1...6).map { "bot-\($0)" }
        try await withReloading(names) { desk in
            for name in names { _ = try await desk.stub.heartbeat { $0.agent == name && $0.status == .ok } }
            _ = try await desk.ask("pause", "bot-6")
            var random = SystemRandomNumberGenerator()
            var killed: [String: Int] = [:]
            let before = try desk.descriptors()
            for round in 1...1000 {
                // The first three always stay; of the others any may be missing. The sixth is paused, and stays, too.
                let some = names.filter { ["bot-4", "bot-5"].contains($0) ? Bool.random(using: &random) : true }
                try desk.write(some, with: round % 3 == 0 ? "no-such-setting: 1" : "grace: 0")
                desk.runner.signal(SIGHUP)
                guard round % 25 == 0, let name = names.prefix(3).randomElement(using: &random),
                    let life = desk.agents.lives(of: name).last, AgentDirectory.isRunning(life),
                    desk.agents.lives(of: name).count == 1 + killed[name, default: 0]
                else {
                    if round % 10 == 0 { _ = try await desk.ask("reload") }
                    continue
                }
                kill(life, SIGKILL)
                killed[name, default: 0] += 1
            }
            try desk.write(names, with: "grace: 0")
            #expect(try await desk.ask("reload").status == 0)
            for name in names.prefix(3) {
                let deaths = killed[name, default: 0]
                guard deaths > 0 else { continue }
                // The last death is followed by a life that stays.
                _ = try await desk.stub.heartbeat { heartbeat in
                    heartbeat.agent == name && heartbeat.event?.kind == .restarted
                        && heartbeat.event?.pid == desk.agents.lives(of: name).last.map(Int.init)
                }
                #expect(desk.agents.lives(of: name).count == 1 + deaths)
                let told = desk.stub.heartbeats.filter {
                    $0.heartbeat.agent == name && $0.heartbeat.event?.kind == .died
                }
                #expect(told.count == deaths, "\(name)")
            }
            let status = try await desk.status()
            #expect(status.targets.map(\.agent) == names)
            #expect(status.targets.last?.pause != nil, "what stayed is paused still")
            #expect(status.runner.reload?.ok == true)
            let after = try desk.descriptors()
            #expect(after <= before + 8)
        }
    }
}

/// A runner with a settings file, and an operator beside it.
private struct ReloadBench: Sendable {
    var agents: AgentDirectory
    var stub: StubServer
    var runner: ChildProcess

    private var file: String { agents.path + "/runner.yaml" }
    private var socket: String { agents.path + "/state/control.sock" }

    /// Writes the settings file, as a careful editor does.
    func write(_ names: [String], with settings: String = "grace: 1", header: String = "") throws {
        try Self.write(agents, names, settings, header)
    }

    static func write(_ agents: AgentDirectory, _ names: [String], _ settings: String, _ header: String) throws {
        let targets = names.map { "  \"process:\(agents.pidFile(of: $0))\": {\(settings)}" }
        let text = ([header, "targets:"] + targets).joined(separator: "\n") + "\n"
        let new = agents.path + "/runner.yaml.new"
        try Data(text.utf8).write(to: URL(filePath: new))
        chmod(new, 0o600)
        rename(new, agents.path + "/runner.yaml")
    }

    func startRunner(_ names: [String], state: String) throws -> ChildProcess {
        try ChildProcess(
            Self.command(agents, stub, state) + names.flatMap { ["--watch", "process:" + agents.pidFile(of: $0)] },
            environment: Self.environment(agents))
    }

    static func command(_ agents: AgentDirectory, _ stub: StubServer, _ state: String) -> [String] {
        [
            BuiltProgram.runner.path, "--endpoint", stub.endpoint, "--heartbeat-interval", "1",
            "--state-dir", "\(agents.path)/\(state)",
        ]
    }

    static func environment(_ agents: AgentDirectory) -> [String: String] {
        AgentDirectory.environment.merging(["CLEVAGENT_API_KEY": "cv_test", "XDG_RUNTIME_DIR": agents.path]) { $1 }
    }

    /// How many the runner has open.
    func descriptors() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(runner.id)/fd").count
    }

    func ask(_ arguments: String...) async throws -> (status: Int32, lines: [String]) {
        var environment = AgentDirectory.environment
        environment["CLEVAGENT_CONTROL_SOCKET"] = socket
        let child = try ChildProcess([BuiltProgram.runner.path] + arguments, environment: environment, output: .lines)
        let lines = await Array(child.lines)
        return (await child.ended(), lines)
    }

    func status() async throws -> RunnerStatus {
        let json = try await ask("status", "--json").lines.joined(separator: "\n")
        return try JSONDecoder().decode(RunnerStatus.self, from: Data(json.utf8))
    }
}

private func withReloading(_ names: [String], body: (ReloadBench) async throws -> Void) async throws {
    try await withAgentDirectory("clevagent-rl") { agents in
        for name in names { try await agents.start(name) }
        try ReloadBench.write(agents, names, "grace: 1", "")
        try await withStubServer { stub in
            let runner = try ChildProcess(
                ReloadBench.command(agents, stub, "state") + ["--config", agents.path + "/runner.yaml"],
                environment: ReloadBench.environment(agents))
            _ = try await stub.heartbeat { $0.agent == names.first && $0.status == .ok }
            try await body(ReloadBench(agents: agents, stub: stub, runner: runner))
            #expect(await runner.end() == 0)
        }
    }
}

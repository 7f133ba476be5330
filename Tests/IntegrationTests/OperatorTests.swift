import FoundationEssentials
import RunnerKit
import SystemPackage
import TestSupport
import Testing
import WireProtocol

#if canImport(Glibc)
    import Glibc
#endif

/// What an operator sees and does on the host, with the programs that there are.
@Suite(.timeLimit(.minutes(2))) struct OperatorTests {
    @Test func aTargetIsShownPausedResumedStoppedAndRestarted() async throws {
        try await withOperator { desk in
            let table = try await desk.ask("status")
            #expect(table.status == 0)
            #expect(table.lines.dropFirst(2).first?.hasPrefix("TARGET") == true)
            #expect(table.lines.last?.contains("bot    ok      running") == true)

            #expect(
                try await desk.ask("pause", "bot").lines
                    == ["bot is paused until it is resumed: it is watched and reported, and not restarted"])
            let life = try #require(desk.agents.processID(of: "bot"))
            kill(life, SIGKILL)
            let died = try await desk.stub.heartbeat { $0.event?.kind == .died }
            #expect(died.heartbeat.message?.contains("paused: it is not restarted until it is resumed") == true)
            #expect(try await desk.target().state == .backoff)
            let pause = try #require(await desk.target().pause)
            #expect(pause.until == nil)

            #expect(try await desk.ask("resume", "bot").lines == ["bot is not paused any more"])
            _ = try await desk.stub.heartbeat { $0.event?.kind == .restarted }
            #expect(desk.agents.lives(of: "bot").count == 2)

            #expect(try await desk.ask("stop", desk.name).lines == ["bot is stopped"])
            #expect(try await desk.target().state == .stopped)
            #expect(try await desk.ask("restart", desk.name).status == 0)
            let target = try await desk.target()
            #expect(target.state == .running && target.restarts == 2 && target.status == "ok")
            #expect(target.pid == desk.agents.processID(of: "bot"))

            let kinds = try await desk.ask("events", "--json").lines.map {
                try JSONDecoder().decode(RunnerStatus.Event.self, from: Data($0.utf8)).kind
            }
            #expect(
                kinds.filter { ["paused", "died", "resumed", "stopped", "restarted"].contains($0) }
                    == ["paused", "died", "resumed", "restarted", "stopped", "restarted"])
        }
    }

    @Test func aFollowerSeesEachChangeAndEndsWithTheRunner() async throws {
        try await withOperator { desk in
            let follower = try desk.start("events", "--follow")
            let table = try desk.start("status", "--follow", "--json")
            var lines = table.lines.makeAsyncIterator()
            let first = try #require(await lines.next())
            _ = try JSONDecoder().decode(RunnerStatus.self, from: Data(first.utf8))
            #expect(try await desk.ask("pause", "bot", "--for", "1h").status == 0)
            let next = try #require(await lines.next())
            let target = try JSONDecoder().decode(RunnerStatus.Target.self, from: Data(next.utf8))
            #expect(target.pause?.until != nil && target.status == "warning")
            let event = await follower.lines.first { $0.contains("  paused  ") }
            #expect(event?.contains("bot is up") == true)
            // One that goes away holds nothing up, and one that stays ends when the runner does.
            table.signal(SIGKILL)
            await table.ended()
            #expect(await desk.runner.end() == 0)
            #expect(await follower.ended() == 0)
        }
    }

    @Test func anythingThatSpeaksHTTPCanAsk() async throws {
        try await withOperator { desk in
            let answers = [
                try await desk.curl("/v1/nonsense"), try await desk.curl("/v1/restart"),
                try await desk.curl("/v1/restart", "-d", "nonsense"),
                try await desk.curl("/v1/restart", "-d", #"{"target": "docker:nobody"}"#),
                try await desk.curl("/v1/pause", "-d", #"{"target": "bot", "for": -1}"#),
                try await desk.curl("/v1/status", "-X", "POST"),
                try await desk.curl("/v1/pause", "-d", #"{"target": "bot", "for": 60}"#),
            ]
            #expect(
                answers.map { $0.firstMatch(of: /"(error|status)":"([a-z_]+)"/)?.2 ?? "none" }
                    == [
                        "no_such_path", "wrong_method", "bad_request", "no_such_target", "bad_request", "wrong_method",
                        "completed",
                    ])
            let long = try await desk.curl("/v1/restart", "-d", String(repeating: "x", count: 100_000))
            #expect(long.contains("too_large"))
        }
    }

    @Test func metricsAreWhatPrometheusReads() async throws {
        try await withOperator("--metrics-listen", "127.0.0.1:0") { desk in
            let port = try #require(await desk.runner.lines.first { $0.contains("Metrics are served") })
            let number = try #require(port.firstMatch(of: /port=([0-9]+)/)).1
            kill(try #require(desk.agents.processID(of: "bot")), SIGKILL)
            _ = try await desk.stub.heartbeat { $0.event?.kind == .restarted }
            _ = try await desk.ask("restart", "bot")
            let text = try await desk.get("http://127.0.0.1:\(number)/metrics")
            for line in [
                "clevagent_target_state{target=\"\(desk.name)\",agent=\"bot\",state=\"running\"} 1",
                "clevagent_target_state{target=\"\(desk.name)\",agent=\"bot\",state=\"backoff\"} 0",
                "clevagent_target_events_total{target=\"\(desk.name)\",kind=\"died\"} 1",
                "clevagent_target_events_total{target=\"\(desk.name)\",kind=\"restarted\"} 2",
                "clevagent_commands_total{status=\"completed\"} 1", "clevagent_undelivered_changes 0",
            ] { #expect(text.contains(line), "\(line)") }
            #expect(text.contains { $0.hasPrefix("process_open_fds ") })
            #expect(try await desk.get("http://127.0.0.1:\(number)/").joined().contains("there is only GET /metrics"))
            // By the rules that Prometheus' own tool checks.
            guard access("/usr/bin/promtool", X_OK) == 0 else { return }
            let file = desk.agents.path + "/metrics"
            try Data((text.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: file))
            let check = try ChildProcess(
                ["/bin/sh", "-c", "exec /usr/bin/promtool check metrics <'\(file)'"],
                environment: AgentDirectory.environment, output: .lines)
            #expect(await Array(check.lines) == [])
            #expect(await check.ended() == 0)
        }
    }

    @Test func nobodyAnswersAndTheOperatorIsToldWhatToDo() async throws {
        try await withOperator { desk in
            #expect(await desk.runner.end() == 0)
            let status = try await desk.ask("status")
            #expect(status.status == 69 << 8)
            #expect(status.lines.first?.contains("no runner listens on \(desk.socket)") == true)
            #expect(access(desk.socket, F_OK) != 0, "it took its socket along")
        }
    }

    @Test func whatIsMistypedIsToldInOneLine() async throws {
        try await withOperator { desk in
            let wrong: [([String], Int32, String)] = [
                (["restart"], 64, "missing expected argument '<target>'"),
                (["restart", "bat"], 1, "'bat' is not watched here; did you mean 'bot'?"),
                (["pause", "bot", "--for", "soon"], 64, "the value 'soon' is invalid for '--for <time>'"),
                (["status", "--control-socket", "here"], 64, "--control-socket 'here': must be an absolute path"),
                (["stop", "--now", "bot"], 64, "unknown option '--now'"),
            ]
            for (arguments, status, says) in wrong {
                let answer = try await desk.ask(arguments, socket: arguments.contains("here") ? nil : desk.socket)
                #expect(answer.status == status << 8, "\(arguments)")
                #expect(answer.lines.count == 1 && answer.lines[0].contains(says), "\(arguments): \(answer.lines)")
            }
        }
    }

    @Test(.enabled(if: getuid() == 0, "needs root to be somebody else")) func whoMayLookMayNotAct() async throws {
        try await withOperator(user: 65_534) { desk in
            // As if the host had a group that may look.
            chmod(desk.socket, 0o666)
            #expect(try await desk.ask("status").status == 0)
            let stop = try await desk.ask("stop", "bot")
            #expect(stop.status == 77 << 8)
            #expect(stop.lines.first?.contains("uid 65534 may look and not act") == true)
            chmod(desk.socket, 0o600)
            let status = try await desk.ask("status")
            #expect(status.status == 69 << 8)
            #expect(status.lines.first?.contains("you may not use \(desk.socket)") == true)
        }
    }

    @Test(.enabled(if: getuid() == 0, "needs root to be somebody else")) func theControlGroupMayAct() async throws {
        try await withOperator(user: 65_534, "--control-group", "65534") { desk in
            chmod(desk.socket, 0o666)
            let pause = try await desk.ask("pause", "bot")
            #expect(pause.status == 0)
        }
    }

    @Test func aSocketThatIsTakenOrImpossibleDoesNotKeepTheRunnerFromItsWork() async throws {
        try await withOperator { desk in
            let second = try desk.startRunner("--control-socket", desk.socket, state: "second", watching: "other")
            let told = await second.lines.first { $0.contains("The control socket can't be had") }
            #expect(told?.contains("another runner listens on it") == true)
            _ = try await desk.stub.heartbeat { $0.agent == "other" }
            #expect(await second.end() == 0)
            #expect(try await desk.ask("status").status == 0, "the first one's is still there")
            let file = desk.agents.path + "/file"
            try Data("mine".utf8).write(to: URL(filePath: file))
            let third = try desk.startRunner("--control-socket", file, state: "third", watching: "third")
            let refused = await third.lines.first { $0.contains("there is a file that is no socket") }
            #expect(refused != nil)
            #expect(await third.end() == 0)
            #expect(try String(contentsOfFile: file, encoding: .utf8) == "mine")
        }
    }

    @Test func aSocketThatAKilledRunnerLeftIsTakenOver() async throws {
        try await withOperator { desk in
            desk.runner.signal(SIGKILL)
            await desk.runner.ended()
            #expect(access(desk.socket, F_OK) == 0)
            let next = try desk.startRunner(state: "state", watching: "bot")
            let seen = desk.stub.heartbeats.count - 1
            _ = try await desk.stub.heartbeat(after: seen) { $0.agent == "bot" }
            #expect(try await desk.ask("status").status == 0)
            #expect(await next.end() == 0)
        }
    }
}

/// A runner that watches one agent, and an operator beside it.
private struct OperatorBench: Sendable {
    var agents: AgentDirectory
    var stub: StubServer
    var runner: ChildProcess
    var user: UInt32?

    var socket: String { agents.path + "/state/control.sock" }
    var name: String { "process:\(agents.pidFile(of: "bot"))" }

    struct Answer: Sendable {
        var status: Int32
        var lines: [String]
    }

    /// Runs the program as an operator does, to its end.
    func ask(_ arguments: String...) async throws -> Answer { try await ask(arguments, socket: socket) }

    func ask(_ arguments: [String], socket: String?) async throws -> Answer {
        let child = try start(arguments, socket: socket)
        let lines = await Array(child.lines)
        return Answer(status: await child.ended(), lines: lines)
    }

    func start(_ arguments: String...) throws -> ChildProcess { try start(arguments, socket: socket) }

    private func start(_ arguments: [String], socket: String?) throws -> ChildProcess {
        let become = user.map { ["/usr/bin/setpriv", "--reuid", "\($0)", "--regid", "\($0)", "--clear-groups"] } ?? []
        var environment = AgentDirectory.environment
        environment["CLEVAGENT_CONTROL_SOCKET"] = socket
        return try ChildProcess(
            become + [BuiltProgram.runner.path] + arguments, environment: environment, output: .lines)
    }

    func curl(_ path: String, _ arguments: String...) async throws -> String {
        let child = try ChildProcess(
            ["/usr/bin/curl", "-sS", "--max-time", "20", "--unix-socket", socket] + arguments + [
                "http://runner\(path)"
            ],
            environment: AgentDirectory.environment, output: .lines)
        let lines = await Array(child.lines)
        await child.ended()
        return lines.joined(separator: "\n")
    }

    func get(_ url: String) async throws -> [String] {
        let child = try ChildProcess(
            ["/usr/bin/curl", "-sS", "--max-time", "20", url], environment: AgentDirectory.environment, output: .lines)
        let lines = await Array(child.lines)
        await child.ended()
        return lines
    }

    func target() async throws -> RunnerStatus.Target {
        let json = try await ask("status", "--json").lines.joined(separator: "\n")
        return try #require(JSONDecoder().decode(RunnerStatus.self, from: Data(json.utf8)).targets.first)
    }

    func startRunner(_ flags: String..., state: String, watching agent: String) throws -> ChildProcess {
        try Self.startRunner(flags, state: state, watching: agent, agents, stub)
    }

    static func startRunner(
        _ flags: [String], state: String, watching agent: String, _ agents: AgentDirectory, _ stub: StubServer
    ) throws -> ChildProcess {
        try ChildProcess(
            [
                BuiltProgram.runner.path, "--watch", "process:\(agents.pidFile(of: agent))", "--endpoint",
                stub.endpoint,
                "--heartbeat-interval", "1", "--state-dir", "\(agents.path)/\(state)",
            ] + flags,
            environment: AgentDirectory.environment.merging([
                "CLEVAGENT_API_KEY": "cv_test", "XDG_RUNTIME_DIR": agents.path,
            ]) { $1 },
            output: .lines)
    }
}

private func withOperator(
    user: UInt32? = nil, _ flags: String..., body: (OperatorBench) async throws -> Void
) async throws {
    try await withAgentDirectory("clevagent-op") { agents in
        try await agents.start("bot")
        if user != nil { chmod(agents.path, 0o755) }
        try await withStubServer { stub in
            let runner = try OperatorBench.startRunner(flags, state: "state", watching: "bot", agents, stub)
            _ = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
            if user != nil { chmod(agents.path + "/state", 0o755) }
            try await body(OperatorBench(agents: agents, stub: stub, runner: runner, user: user))
            await runner.end()
        }
    }
}

import FoundationEssentials
import TestSupport
import Testing
import WireProtocol

/// `clevagent-runner check`, from the built program.
@Suite(.timeLimit(.minutes(1))) struct CheckTests {
    private func check(_ arguments: [String]) async throws -> (status: Int32, lines: [String]) {
        let program = try ChildProcess(
            [BuiltProgram.runner.path, "check"] + arguments,
            environment: AgentDirectory.environment.merging(["CLEVAGENT_API_KEY": "cv_test"]) { $1 }, output: .lines)
        var lines: [String] = []
        for await line in program.lines { lines.append(line) }
        return (await program.ended() >> 8, lines)
    }

    @Test func allIsWellBesideARunnerAtWork() async throws {
        try await withAgentDirectory { agents in
            try await agents.start("bot")
            try await withStubServer { stub in
                let flags = [
                    "--endpoint", stub.endpoint, "--state-dir", agents.path + "/state", "--watch",
                    "process:" + agents.pidFile(of: "bot"),
                ]
                let runner = try ChildProcess(
                    [BuiltProgram.runner.path] + flags,
                    environment: AgentDirectory.environment.merging(["CLEVAGENT_API_KEY": "cv_test"]) { $1 })
                _ = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
                let (status, lines) = try await check(flags)
                #expect(status == 0, "\(lines)")
                #expect(lines.count == 3)
                #expect(
                    lines.contains {
                        $0.contains("bot    up") && $0.contains("PID \(agents.processID(of: "bot") ?? 0)")
                    })
                #expect(await runner.end() == 0)
            }
        }
    }

    @Test func whatIsWrongIsToldAndNothingIsChanged() async throws {
        try await withAgentDirectory { agents in
            try await withStubServer { stub in
                stub.script(.commands, always: .reply(401, body: Array(#"{"detail": "Invalid API key"}"#.utf8)))
                let state = agents.path + "/state"
                let (status, lines) = try await check([
                    "--endpoint", stub.endpoint, "--state-dir", state, "--watch",
                    "process:" + agents.pidFile(of: "bot"), "--json",
                ])
                #expect(status == 1)
                let text = lines.joined(separator: "\n")
                #expect(text.contains(#""state" : "missing""#))
                #expect(text.contains(#""state" : "wrong key""#))
                #expect(text.contains("HTTP 401: Invalid API key"))
                #expect(!FileManager.default.fileExists(atPath: state))
                #expect(stub.heartbeats.isEmpty)
                #expect(stub.requests.count == 1)
            }
        }
    }

    @Test func anOutputThatTakesNothingIsToldInOneLine() async throws {
        try await withAgentDirectory { agents in
            let program = try ChildProcess(
                [
                    "/bin/sh", "-c", "exec \"$@\" >/dev/full", "sh", BuiltProgram.runner.path, "check",
                    "--endpoint", "http://127.0.0.1:9", "--state-dir", agents.path + "/state", "--watch",
                    "process:" + agents.pidFile(of: "bot"),
                ],
                environment: AgentDirectory.environment.merging(["CLEVAGENT_API_KEY": "cv_test"]) { $1 }, output: .lines
            )
            var lines: [String] = []
            for await line in program.lines { lines.append(line) }
            #expect(await program.ended() == 74 << 8)
            #expect(
                lines == [
                    "clevagent-runner: what was found can't be written to standard output: No space left on device"
                ])
        }
    }

    @Test func aWrongCommandLineEndsItAsItEndsStart() async throws {
        #expect(try await check(["--watch", "bot"]).status == 64)
        #expect(try await check(["--watch", "process:/x.pid", "--config", "/nonexistent.yaml"]).status == 78)
    }
}

import TestSupport
import Testing
import WireProtocol

/// What the server hears of a death, from the built runner and a bot with a log.
@Suite(.timeLimit(.minutes(1))) struct EvidenceTests {
    @Test func theLastLinesFollowADeathWithoutTheirSecrets() async throws {
        try await withAgentDirectory { agents in
            try agents.keepLog(of: "bot")
            try await agents.start("bot")
            try await withStubServer { stub in
                let runner = try ChildProcess(
                    [
                        BuiltProgram.runner.path, "--endpoint", stub.endpoint, "--state-dir", agents.path + "/state",
                        "--log-tail", "2", "--watch", "process:" + agents.pidFile(of: "bot"),
                    ], environment: AgentDirectory.environment.merging(["CLEVAGENT_API_KEY": "cv_test"]) { $1 })
                _ = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
                try agents.give(["first", "DATABASE_PASSWORD=hunter2", "die"], to: "bot")
                let died = try await stub.heartbeat { $0.event?.kind == .died }
                let told = try await stub.heartbeat(after: died.index) {
                    $0.event?.kind == .evidence && $0.message?.contains("working") == true
                }
                let message = try #require(told.heartbeat.message)
                #expect(
                    message.split(separator: "\n").dropFirst() == ["working: DATABASE_PASSWORD=***", "working: die"])
                #expect(message.contains("; was up "))
                #expect(told.heartbeat.status == .error)
                // It does not stand in the way of the restart, nor in the place of what is told of the target.
                let began = try await stub.heartbeat(after: died.index) { $0.event?.kind == .restarting }
                let restarted = try await stub.heartbeat(after: began.index) { $0.event?.kind == .restarted }
                #expect(told.index < began.index)
                #expect(stub.heartbeats[died.index..<restarted.index].allSatisfy { $0.heartbeat.agent == "bot" })
                let delay =
                    try #require(told.heartbeat.observedAt).millisecondsSince1970
                    - (try #require(died.heartbeat.observedAt).millisecondsSince1970)
                #expect((0...500).contains(delay))
                #expect(!stub.heartbeats.contains { $0.heartbeat.message?.contains("hunter2") == true })
                #expect(await runner.end() == 0)
            }
        }
    }
}

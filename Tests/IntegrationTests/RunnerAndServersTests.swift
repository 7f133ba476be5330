import FoundationEssentials
import TestSupport
import Testing
import WireProtocol

private let testKey = "cv_0123456789abcdef0123456789abcdef"

/// The built runner beside servers that know less, or lose what they are told.
@Suite(.timeLimit(.minutes(2))) struct RunnerAndServersTests {
    @Test(arguments: [404, 405]) func worksWithAServerThatKnowsOnlyTheBaseProtocol(batchStatus: Int) async throws {
        let base = StubServer.Configuration(
            knowledge: .base(batchStatus: batchStatus), redelivery: .untilResult, apiKey: testKey)
        try await withWatchedAgent(base) { stub, agents in
            let file = agents.pidFile(of: "bot")
            let first = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
            #expect(stub.requests[first.request].path == WirePath.heartbeat)
            #expect(first.heartbeat.restartType == "process")
            #expect(first.heartbeat.restartTarget == file)

            let restart = stub.queue("restart", target: file)
            let restarted = try await stub.result(of: restart.id)
            #expect(restarted.result.status == .completed)
            #expect(agents.lives(of: "bot").count == 2)

            let stop = stub.queue("stop", target: file)
            let stopped = try await stub.result(of: stop.id)
            #expect(stopped.result.status == .completed)
            let last = try #require(agents.processID(of: "bot") ?? agents.lives(of: "bot").last)
            #expect(!AgentDirectory.isRunning(last))
            _ = try await stub.heartbeat { $0.agent == "bot" && $0.status == .shutdown }
            #expect(agents.lives(of: "bot").count == 2)
        }
    }

    @Test(arguments: [StubServer.Answer.close, .refusal(500), .close.afterEffect, .refusal(500).afterEffect])
    func carriesACommandOutOnceHoweverOftenItsResultIsLost(answer: StubServer.Answer) async throws {
        let older = StubServer.Configuration(redelivery: .untilResult, apiKey: testKey)
        try await withWatchedAgent(older) { stub, agents in
            _ = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
            stub.script(.result, answer, answer)
            let command = stub.queue("restart", target: agents.pidFile(of: "bot"), agent: "bot")
            var attempt = -1
            for _ in 1...3 { attempt = try await stub.request(.result, after: attempt).index }
            #expect(stub.requests[attempt].path == WirePath.result(of: command.id))
            let accepted = try await stub.result(of: command.id)
            #expect(accepted.result.status == .completed)
            #expect(agents.lives(of: "bot").count == 2)
        }
    }

    @Test func rejectsWhatItMustNotDo() async throws {
        try await withWatchedAgent(.init(apiKey: testKey)) { stub, agents in
            _ = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
            let file = agents.pidFile(of: "bot")
            for command in [
                stub.queue("restart", target: "/run/other.pid", agent: "other"),
                stub.queue("restart", type: "docker", target: file, agent: "bot"),
                stub.queue("format", target: file, agent: "bot"),
            ] {
                let rejected = try await stub.result(of: command.id)
                #expect(rejected.result.status == .rejected)
                #expect(rejected.result.message?.isEmpty == false)
            }
            #expect(agents.lives(of: "bot").count == 1)
        }
    }

    /// Answers that are not what they should be: the runner goes on, and its heartbeats go out.
    @Test(arguments: [
        StubServer.Answer.json("{}"), .json("null"), .json("7"), .json("\"text\""), .json("[7, null]"), .html(),
        .huge(),
        .truncated("[{"), .json(#"[{"id": 99999999999999999999, "action": "restart", "type": "x", "target": "y"}]"#),
        .json(#"[{"id": "1", "action": 2, "type": [], "target": {}}]"#), .raw(Array("no http\r\n\r\n".utf8)),
    ])
    func outlivesAnyAnswerToAPoll(answer: StubServer.Answer) async throws {
        try await withWatchedAgent(.init(apiKey: testKey), polls: answer) { stub, agents in
            _ = try await stub.request(.commands)
            let died = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
            // The next interval's heartbeat comes from a runner that has digested the answer.
            _ = try await stub.heartbeat(after: died.index) { $0.agent == "bot" && $0.status == .ok }
        }
    }

    @Test func sendsGzipOnceTheServerOfferedIt() async throws {
        let names = ["bot", "bot-2", "bot-3", "bot-4", "bot-5"]
        try await withWatchedAgent(.init(apiKey: testKey), names: names) { stub, _ in
            let packed = try await stub.request(.batch) { $0.header("Content-Encoding") == "gzip" }
            #expect(try packed.decode(HeartbeatBatch.self).heartbeats.map(\.agent).sorted() == names)
            #expect(stub.requests.first?.header("Content-Encoding") == nil)
            #expect(stub.heartbeats.allSatisfy { $0.accepted })
        }
    }

    /// Runs the built runner, one agent or more under its watch, until `body` is done; it must then end in good order.
    private func withWatchedAgent(
        _ configuration: StubServer.Configuration, polls: StubServer.Answer? = nil, names: [String] = ["bot"],
        _ body: (StubServer, AgentDirectory) async throws -> Void
    ) async throws {
        try await withAgentDirectory { agents in
            for name in names { try await agents.start(name) }
            try await withStubServer(configuration) { stub in
                if let polls { stub.script(.commands, always: polls) }
                let runner = try ChildProcess(
                    [
                        BuiltProgram.runner.path, "--endpoint", stub.endpoint, "--heartbeat-interval", "1",
                        "--state-dir", agents.path + "/state",
                    ] + names.flatMap { ["--watch", "process:" + agents.pidFile(of: $0)] },
                    // With memory overwritten when it is freed (mallopt(3)), so that using it afterwards shows.
                    environment: AgentDirectory.environment.merging(
                        ["CLEVAGENT_API_KEY": testKey, "MALLOC_PERTURB_": "85"]) { $1 },
                    output: .file(agents.path + "/runner.log"))
                do {
                    try await body(stub, agents)
                } catch {
                    await runner.end()
                    let log = try String(contentsOf: URL(filePath: agents.path + "/runner.log"), encoding: .utf8)
                    Issue.record("The runner's log:\n\(log)")
                    throw error
                }
                #expect(await runner.end() == 0)
            }
        }
    }
}

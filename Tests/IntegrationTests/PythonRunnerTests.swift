import FoundationEssentials
import NIOHTTP1
import SystemSupport
import TestSupport
import Testing

/// Where `scripts/test` says the Python runner is.
private let pythonRunner = ProcessInfo.processInfo.environment["CLEVAGENT_PYTHON_RUNNER"].flatMap {
    $0.isEmpty ? nil : $0
}

/// The published Python runner, unchanged, against our server (`scripts/python-runner` installs it).
@Suite(.timeLimit(.minutes(3)), .enabled(if: pythonRunner != nil, "CLEVAGENT_PYTHON_RUNNER is not set"))
struct PythonRunnerTests {
    @Test func heartbeatsCommandsAndResultsWork() async throws {
        let program = try #require(pythonRunner)
        try await withAgentDirectory { agents in
            try await agents.start("bot")
            try await BuiltServer.run(in: agents.path + "/server") { server in
                try await heartbeatsCommandsAndResultsWork(program, agents, server)
            }
        }
    }

    private func heartbeatsCommandsAndResultsWork(
        _ program: String, _ agents: AgentDirectory, _ server: BuiltServer
    ) async throws {
        let file = agents.pidFile(of: "bot")
        let runner = try ChildProcess(
            [
                program, "start", "--endpoint", server.url, "--watch", "process:\(file)", "--heartbeat-interval",
                "1", "--log-level", "DEBUG",
            ],
            environment: AgentDirectory.environment.merging(["CLEVAGENT_API_KEY": server.key]) { $1 },
            output: .lines)
        func wait(for words: String) async throws {
            for await line in runner.lines where line.contains(words) { return }
            throw BuiltServerError(words: "the Python runner ended before '\(words)'")
        }

        // It names an agent after the whole path of its PID file.
        try await wait(for: "Heartbeat sent: \(file) status=ok")
        let id = try #require(try await server.agentID(file))

        for (action, outcome) in [("restart", "command_failed"), ("stop", "command_completed")] {
            let queued = try await server.ask(
                .POST, "/agents/\(id)/commands", #"{"action": "\#(action)"}"#, as: BuiltServer.Queued.self)
            try await wait(for: "Executing command \(queued.command.id): \(action) process:\(file)")
            try await wait(for: "\"POST /api/v1/commands/\(queued.command.id)/result HTTP/1.1\" 200")
            let events = try await server.ask(.GET, "/events?limit=1000", as: BuiltServer.Events.self)
            #expect(events.events.contains { $0.kind == outcome })
        }
        let process = try #require(agents.processID(of: "bot"))
        if AgentDirectory.isRunning(process) {
            // It was signalled; its end is a matter of its own.
            try await ProcessHandle(pid: process).waitForEnd(on: EventLoop())
        }
        try await wait(for: "Heartbeat sent: \(file) status=error")
        #expect(try await status(of: file, on: server) == "error")
        await runner.end()
        #expect(await server.process.end() == 0)
    }

    private func status(of agent: String, on server: BuiltServer) async throws -> String? {
        try await server.ask(.GET, "/status", as: BuiltServer.Agents.self).agents.first { $0.agent == agent }?.status
    }
}

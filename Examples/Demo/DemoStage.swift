import Glibc
import NIOConcurrencyHelpers
import TestSupport
import WireProtocol

/// Server, runner and two agents, and what is done to them.
final class DemoStage: Sendable {
    private let directory: AgentDirectory
    private let binaries: String
    private let names = ["mail-bot", "price-bot"]
    private let programs = NIOLockedValueBox<[DemoProgram]>([])

    init(directory: AgentDirectory, binaries: String) {
        self.directory = directory
        self.binaries = binaries
    }

    /// Sets everything up, shows it, and stays until it is cancelled if that is wanted.
    func play(stay: Bool) async throws {
        let url = try await startServer()
        let state = ["--state-dir", directory.path + "/server"]
        let key = try await printed(
            by: "clevagent-server", ["key", "create", "demo", "--scope", "read,commands"] + state)
        let link = try await printed(by: "clevagent-server", ["sign-in"] + state)
        let server = DemoServer(url: url, key: key)
        for name in names { try await directory.start(name) }
        try startRunner(reportingTo: url)
        Narrator.say("Server      \(url)")
        Narrator.say("Sign in     \(link)")
        let agents = names.map { "\($0) (pid \(directory.processID(of: $0).map { "\($0)" } ?? "?"))" }
        Narrator.say("Runner      watches \(agents.joined(separator: " and "))")
        let watched = try await eventually("the server to know both agents") {
            let agents = try await server.agents().filter { $0.status == "ok" }
            return agents.count == self.names.count ? agents : nil
        }
        guard let victim = watched.first(where: { $0.name == names[1] }) else { return }
        try await killed(victim, server)
        try await restarted(victim, server)
        guard stay else { return }
        Narrator.say("\nEverything goes on until Ctrl-C. To sign in:\n  \(link)")
        // Ends by cancellation only.
        while true { try await Task.sleep(for: .seconds(3600)) }
    }

    /// Ends what was started, the runner first: nobody brings the agents back.
    func clear() async {
        for program in programs.withLockedValue({ $0.reversed() }) { await program.process.end() }
    }

    // MARK: Scenes

    private func killed(_ agent: DemoServer.Agent, _ server: DemoServer) async throws {
        var next = try await lastEvent(server)
        let old = try await eventually("a PID file") { self.directory.processID(of: agent.name) }
        Narrator.say("\n$ kill -9 \(old)        # \(agent.name) gets no chance to say anything")
        let narrator = Narrator(from: .now)
        kill(old, SIGKILL)
        narrator.step("\(agent.name) died")
        let died = try await event(ofKind: ["died", "exited"], about: agent, after: &next, server)
        narrator.step("the server was told: \(died.message ?? died.kind)", at: died.receivedAt)
        let new = try await newProcess(of: agent.name, insteadOf: old)
        narrator.step("\(agent.name) is running again with pid \(new)")
        let back = try await event(ofKind: ["restarted"], about: agent, after: &next, server)
        narrator.step("the server was told: \(back.message ?? back.kind)", at: back.receivedAt)
    }

    private func restarted(_ agent: DemoServer.Agent, _ server: DemoServer) async throws {
        var next = try await lastEvent(server)
        let old = try await eventually("a PID file") { self.directory.processID(of: agent.name) }
        Narrator.say("\nPOST \(server.url)\(WirePath.base)/agents/\(agent.id)/commands {\"action\": \"restart\"}")
        let narrator = Narrator(from: .now)
        let id = try await server.queue(.restart, for: agent)
        narrator.step("the server queued command \(id)")
        let new = try await newProcess(of: agent.name, insteadOf: old)
        narrator.step("\(agent.name) is running again with pid \(new), in place of \(old)")
        let kinds = ["command_completed", "command_failed", "command_rejected", "command_expired"]
        let result = try await event(ofKind: kinds, about: agent, after: &next, server)
        narrator.step(
            "the server was told: \(result.kind == kinds[0] ? "completed" : result.message ?? result.kind)",
            at: result.receivedAt)
    }

    // MARK: The cast

    private func startServer() async throws -> String {
        let server = try start(
            "clevagent-server", ["--listen", "127.0.0.1:0", "--state-dir", directory.path + "/server"])
        return try await eventually("the server to listen") {
            for line in server.output where line.contains("Listening") {
                for word in line.split(separator: " ") where word.hasPrefix("url=") { return String(word.dropFirst(4)) }
            }
            return nil
        }
    }

    private func startRunner(reportingTo url: String) throws {
        let targets = names.flatMap { ["--watch", "process:" + directory.pidFile(of: $0)] }
        let places = ["--api-key-file", directory.path + "/server/api-key", "--state-dir", directory.path + "/runner"]
        _ = try start(
            "clevagent-runner", ["start", "--endpoint", url, "--heartbeat-interval", "5"] + places + targets)
    }

    private func start(_ program: String, _ arguments: [String]) throws -> DemoProgram {
        let started = try DemoProgram(
            program, ["\(binaries)/\(program)"] + arguments, environment: AgentDirectory.environment)
        programs.withLockedValue { $0.append(started) }
        return started
    }

    /// Runs a command to its end and returns the line it printed.
    private func printed(by program: String, _ arguments: [String]) async throws -> String {
        let command = try DemoProgram(
            program, ["\(binaries)/\(program)"] + arguments, environment: AgentDirectory.environment)
        let status = await command.process.ended()
        await command.outputEnd()
        guard status == 0, let line = command.output.last else {
            throw DemoError.ended(program: "\(program) \(arguments[0])", output: command.output)
        }
        return line
    }

    // MARK: Waiting

    private func newProcess(of name: String, insteadOf old: pid_t) async throws -> pid_t {
        try await eventually("\(name) to run again") {
            guard let id = self.directory.processID(of: name), id != old, AgentDirectory.isRunning(id) else {
                return nil
            }
            return id
        }
    }

    private func lastEvent(_ server: DemoServer) async throws -> Int64 {
        var next: Int64 = 0
        while true {
            let page = try await server.events(after: next)
            if page.events.isEmpty { return next }
            next = page.next
        }
    }

    private func event(
        ofKind kinds: [String], about agent: DemoServer.Agent, after next: inout Int64, _ server: DemoServer
    ) async throws -> DemoServer.Event {
        let start = next
        let found = try await eventually("the event \(kinds[0])") {
            try await server.events(after: start).events.first { $0.agent == agent.name && kinds.contains($0.kind) }
        }
        next = found.id
        return found
    }

    /// Looks again and again: a reader's eyes, not a part of the product. Ends early when a program did.
    private func eventually<Found: Sendable>(
        _ what: String, _ look: () async throws -> Found?
    ) async throws -> Found {
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            if let found = try await look() { return found }
            for program in programs.withLockedValue({ $0 }) where program.hasEnded {
                throw DemoError.ended(program: program.name, output: program.output)
            }
            try await Task.sleep(for: .milliseconds(5))
        }
        let log = programs.withLockedValue { $0 }.flatMap { ["--- \($0.name)"] + $0.output.suffix(15) }
        throw DemoError.tookTooLong(what, log: log)
    }
}

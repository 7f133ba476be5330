import FoundationEssentials
import TestSupport
import Testing
import WireProtocol

#if canImport(Glibc)
    import Glibc
#endif

/// A runner with two targets that ends at a point while something happens to both, and a second one that goes on from
/// there.
struct RunnerKillWorld: Sendable {
    /// What happens meanwhile.
    enum Occasion: String, Sendable, CaseIterable {
        /// Each target is restarted by a command.
        case command
        /// Each target dies: that is written down, told and made up for.
        case death
    }

    /// What became of the first runner.
    struct End: Sendable {
        /// Everything that it did.
        var trace: CrashTrace
        /// How far it had come; the last of the occasion's phases is that all was over and told.
        var phase: Int
        /// Where it ended by itself; nil when all was over before it came there.
        var point: CrashPoint?
    }

    private static let names = ["bot-1", "bot-2"]
    private static let patience = Duration.seconds(120)

    let occasion: Occasion
    /// Nil for a runner that is left in peace until all is over.
    let point: CrashPoint?
    /// What the disk forgets; nil for a disk that keeps all.
    let loss: CrashedDisk.Loss?
    /// Whether the disk also forgets what was waited for: then what must hold can't, and that must be noticed.
    var lies = false

    /// For what was tried and found wrong.
    private var place: Comment {
        "\(occasion) \(point?.description ?? "in peace")\(loss.map { ", power cut, without \($0)" } ?? "")"
    }

    func run() async throws -> End {
        try await withAgentDirectory("clevagent-kill") { agents in
            for name in Self.names { try await agents.start(name) }
            return try await withStubServer(.init(redelivery: .untilResult)) { stub in
                let program = try CrashingProgram(state: agents.path + "/state", notes: agents.path + "/notes")
                let first = try start(agents, stub, program.environment(endingAt: point))
                try await areUp(stub, after: -1)
                if occasion == .command { try await stub.heldPoll() }
                try program.arm()
                let commands = try begin(agents, stub)
                let isOver = try await first.kill { try await settle(stub, commands) }
                let trace = try program.trace()
                if let loss {
                    try CrashedDisk(lies ? trace.withoutWaits : trace, root: program.state).put(without: loss)
                }

                let second = try start(agents, stub)
                do {
                    try await settle(stub, commands)
                } catch {
                    await second.end()
                    throw KillError(place: place, cause: error, log: agents.path + "/log")
                }
                #expect(await second.end() == 0, place)
                judge(agents, stub, commands)
                return End(
                    trace: trace, phase: isOver ? occasion.phases.count - 1 : trace.reached(occasion.milestones),
                    point: trace.end)
            }
        }
    }

    /// - Returns: the commands that were queued, one for each target; none when the targets were killed.
    private func begin(_ agents: AgentDirectory, _ stub: StubServer) throws -> [Command] {
        switch occasion {
        case .command:
            return Self.names.map { stub.queue("restart", target: agents.pidFile(of: $0), agent: $0) }
        case .death:
            for name in Self.names { kill(try #require(agents.processID(of: name)), SIGKILL) }
            return []
        }
    }

    /// Waits until what happened is over and told, and every target reported as up twice after that.
    ///
    /// What was begun may still come to something for half a minute, and is told after that; a busy machine takes longer.
    private func settle(_ stub: StubServer, _ commands: [Command]) async throws {
        var last = stub.heartbeats.count - 1
        for command in commands { _ = try await stub.result(of: command.id, within: Self.patience) }
        for name in Self.names where commands.isEmpty {
            _ = try await stub.heartbeat(within: Self.patience) { $0.agent == name && Self.isReturn($0.event?.kind) }
        }
        for _ in 0..<2 {
            try await areUp(stub, after: last)
            last = stub.heartbeats.count - 1
        }
    }

    private func areUp(_ stub: StubServer, after index: Int) async throws {
        for name in Self.names {
            _ = try await stub.heartbeat(after: index, within: Self.patience) {
                $0.agent == name && $0.status == .ok && $0.event == nil
            }
        }
    }

    private static func isReturn(_ kind: HeartbeatEvent.Kind?) -> Bool { kind == .restarted || kind == .started }

    // MARK: - What must hold

    private func judge(_ agents: AgentDirectory, _ stub: StubServer, _ commands: [Command]) {
        let events = events(stub)
        for (index, name) in Self.names.enumerated() {
            let lives = agents.lives(of: name)
            let told = events.filter { $0.agent == name }.map(\.kind)
            #expect(lives.filter(AgentDirectory.isRunning).count == 1, place)
            #expect(told.count { $0 == .restarted } <= 1, place)
            if commands.isEmpty {
                #expect(lives.count == 2, place)
                #expect(told.count { $0 == .died } == 1, place)
                #expect(told.contains(where: Self.isReturn), place)
            } else {
                let id = commands[index].id
                judge(stub.results.filter { $0.commandID == id }.map(\.result), lives: lives.count)
            }
        }
    }

    /// One result, whatever the number of times it came, and a true one.
    private func judge(_ results: [CommandResult], lives: Int) {
        #expect(Set(results.map(\.status)).count == 1, place)
        let message = results.first?.message ?? ""
        switch results.first?.status {
        case .completed: #expect(lives == 2, place)
        case .failed, nil:
            #expect(message.contains("outcome unknown") || message.contains("not carried out"), place)
            #expect(lives == 1 || (lives == 2 && !message.contains("not carried out")), place)
        case .rejected: Issue.record("a command in hand was rejected: \(message); \(place)")
        }
    }

    /// Each change once and in order: what comes twice must come under one key, and say the same.
    private func events(_ stub: StubServer) -> [(agent: String, kind: HeartbeatEvent.Kind)] {
        var known: [String: HeartbeatEvent] = [:]
        var events: [(agent: String, kind: HeartbeatEvent.Kind)] = []
        var order: [Int64] = []
        for heartbeat in stub.heartbeats.map(\.heartbeat) {
            guard let key = heartbeat.eventID, let event = heartbeat.event, let seq = heartbeat.seq else { continue }
            if let earlier = known.updateValue(event, forKey: key) {
                #expect(earlier == event, place)
            } else {
                events.append((heartbeat.agent, event.kind))
                order.append(seq)
            }
        }
        #expect(order == order.sorted(), place)
        return events
    }

    // MARK: - Runners

    private func start(
        _ agents: AgentDirectory, _ stub: StubServer, _ more: [String: String] = [:]
    ) throws -> ChildProcess {
        let environment = AgentDirectory.environment.merging(["CLEVAGENT_API_KEY": "cv_test"]) { $1 }
        let targets = Self.names.flatMap { ["--watch", "process:" + agents.pidFile(of: $0)] }
        return try ChildProcess(
            [
                BuiltProgram.runner.path, "--endpoint", stub.endpoint, "--heartbeat-interval", "1", "--state-dir",
                agents.path + "/state",
            ] + targets, environment: environment.merging(more) { $1 }, output: .file(agents.path + "/log"))
    }
}

/// Says where nothing came to rest, and what the runners had to say.
struct KillError: Error, CustomStringConvertible {
    var description: String

    init(place: Comment, cause: any Error, log: String) {
        let words = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        description = "\(place): \(cause)\nThe log:\n\(words)"
    }
}

extension RunnerKillWorld.Occasion {
    /// What lies between one milestone and the next.
    var phases: [String] {
        switch self {
        case .command: ["received", "written down", "begun", "started anew", "result kept", "result sent", "over"]
        case .death: ["died", "written", "kept", "told", "started anew", "return kept", "return told", "over"]
        }
    }

    /// The ends of all phases but the last two.
    var milestones: [(CrashTrace.Step) -> Bool] {
        switch self {
        case .command:
            [
                Self.writes("received"), { $0.call == "kill" }, { $0.call == "clone" }, Self.writes("resolved"),
                Self.sends("/result"),
            ]
        case .death:
            [
                Self.writes(#""died""#), Self.syncs, Self.sends("/heartbeat"), { $0.call == "clone" },
                Self.writes("restarted"), Self.sends("/heartbeat"),
            ]
        }
    }

    private static func writes(_ words: String) -> (CrashTrace.Step) -> Bool {
        { $0.call == "write" && $0.path.hasSuffix("/journal") && $0.text.contains(words) }
    }

    private static func syncs(_ step: CrashTrace.Step) -> Bool {
        step.call == "fdatasync" && step.path.hasSuffix("/journal")
    }

    private static func sends(_ path: String) -> (CrashTrace.Step) -> Bool {
        { $0.path.hasPrefix("socket:") && $0.text.hasPrefix("POST") && $0.text.prefix { $0 != "\r" }.contains(path) }
    }
}

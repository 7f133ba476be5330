import FoundationEssentials
import ServerTestSupport
import SystemSupport
import TestSupport
import Testing
import WireProtocol

#if canImport(Glibc)
    import Glibc
#endif

/// The runner is killed at every step that it takes on its disk, one after the other, and a second one goes on from there.
///
/// strace(1) sends the SIGKILL when the n-th of the calls is made that write the journal, the notes, or signal the target.
/// `CLEVAGENT_KILL_POINTS` says how many steps there are to be (12 if not said), half before a restart by command is
/// carried out, half while a death is told and made up for.
@Suite(.timeLimit(.minutes(30))) struct KillPointTests {
    enum Occasion: String, CaseIterable { case command, death }

    private static let count =
        ProcessInfo.processInfo.environment["CLEVAGENT_KILL_POINTS"].flatMap { Int($0) } ?? 12
    /// How many of these small worlds there are at once.
    private static let width = 6
    private static let calls = "fdatasync,fsync,rename,pidfd_send_signal,execve,ftruncate,write"

    @Test(.enabled(if: SystemCallTracer.isAvailable, "needs strace, and root to trace"), arguments: Occasion.allCases)
    func whereverItIsKilledNothingIsLostAndNothingDoneTwice(on occasion: Occasion) async throws {
        let steps = Self.count
        // A few are spread over the calls of a start and of what comes then.
        let stride = max(1, 72 / steps)
        let ends = try await withThrowingTaskGroup(of: FirstEnd.self) { group in
            var ends: [FirstEnd: Int] = [:]
            for step in 1...steps {
                if step > Self.width, let end = try await group.next() { ends[end, default: 0] += 1 }
                group.addTask { try await self.world(killingAt: step * stride, occasion) }
            }
            while let end = try await group.next() { ends[end, default: 0] += 1 }
            return ends
        }
        // Otherwise nothing was tried.
        #expect(ends[.killedAtWork, default: 0] > steps / 4)
        print("\(occasion.rawValue), \(steps) steps: \(ends)")
    }

    /// What became of the first runner.
    private enum FirstEnd { case killedAtStart, killedAtWork, finished }

    private func world(killingAt step: Int, _ occasion: Occasion) async throws -> FirstEnd {
        try await withAgentDirectory("clevagent-kill") { agents in
            try await agents.start("bot")
            return try await withStubServer(.init(redelivery: .untilResult)) { stub in
                let first = try traced(agents, stub, killedAt: step)
                let isUp = try await happens(before: first) {
                    _ = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
                    if occasion == .command { try await stub.heldPoll() }
                }
                var command: Command?
                if isUp {
                    switch occasion {
                    case .command: command = stub.queue("restart", target: agents.pidFile(of: "bot"), agent: "bot")
                    case .death: kill(try #require(agents.processID(of: "bot")), SIGKILL)
                    }
                }
                let isOver = try await happens(before: first) { [command] in
                    if let command {
                        _ = try await stub.result(of: command.id)
                    } else {
                        _ = try await stub.heartbeat { $0.event?.kind == .restarted }
                    }
                }
                await first.end()

                let second = try start(agents, stub)
                if let command { _ = try await stub.result(of: command.id) }
                _ = try await stub.heartbeat(after: stub.heartbeats.count - 1) { $0.agent == "bot" && $0.status == .ok }
                #expect(await second.end() == 0)
                try judge(agents, stub, command, occasion, isUp: isUp, "killed at step \(step)")
                return isOver ? .finished : isUp ? .killedAtWork : .killedAtStart
            }
        }
    }

    private func judge(
        _ agents: AgentDirectory, _ stub: StubServer, _ command: Command?, _ occasion: Occasion, isUp: Bool,
        _ place: Comment
    ) throws {
        let lives = agents.lives(of: "bot")
        #expect(lives.filter(AgentDirectory.isRunning).count == 1, place)
        let results = Set(stub.results.map(\.result.status))
        if command != nil {
            #expect(results.count == 1, place)
            switch results.first {
            case .completed: #expect(lives.count == 2, place)
            case .failed, nil:
                let message = stub.results.first?.result.message ?? ""
                #expect(message.contains("outcome unknown") || message.contains("not carried out"), place)
                #expect(!message.contains("not carried out") || lives.count == 1, place)
                #expect(lives.count <= 2, place)
            case .rejected: Issue.record("a command in hand was rejected")
            }
        } else if isUp {
            #expect(lives.count == 2, place)
        }
        // Each change once: whatever came twice came under one key.
        var kinds: [String: HeartbeatEvent] = [:]
        var order: [Int64] = []
        for heartbeat in stub.heartbeats.map(\.heartbeat) {
            guard let key = heartbeat.eventID, let event = heartbeat.event, let seq = heartbeat.seq else { continue }
            if kinds.updateValue(event, forKey: key) == nil { order.append(seq) }
        }
        #expect(order == order.sorted(), place)
        if occasion == .death, isUp {
            #expect(kinds.values.count { $0.kind == .died } == 1, place)
        }
        #expect(kinds.values.count { $0.kind == .restarted } <= 1, place)
    }

    /// Waits for something.
    ///
    /// - Returns: false when the program had ended before.
    private func happens(
        before program: ChildProcess, _ body: @escaping @Sendable () async throws -> Void
    ) async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await body()
                return true
            }
            group.addTask {
                await program.ended()
                return false
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
    }

    // MARK: - Runners

    private func arguments(_ agents: AgentDirectory, _ stub: StubServer) -> [String] {
        [
            BuiltProgram.runner.path, "--endpoint", stub.endpoint, "--heartbeat-interval", "1", "--state-dir",
            agents.path + "/state", "--watch", "process:" + agents.pidFile(of: "bot"),
        ]
    }

    private var environment: [String: String] {
        AgentDirectory.environment.merging(["CLEVAGENT_API_KEY": "cv_test"]) { $1 }
    }

    private func start(_ agents: AgentDirectory, _ stub: StubServer) throws -> ChildProcess {
        try ChildProcess(arguments(agents, stub), environment: environment)
    }

    /// One that is killed when a thread of it makes the n-th of the calls. strace ends with it.
    private func traced(_ agents: AgentDirectory, _ stub: StubServer, killedAt step: Int) throws -> ChildProcess {
        try ChildProcess(
            [
                "/usr/bin/strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(Self.calls)", "-e",
                "inject=\(Self.calls):signal=KILL:when=\(step)",
            ] + arguments(agents, stub), environment: environment)
    }
}

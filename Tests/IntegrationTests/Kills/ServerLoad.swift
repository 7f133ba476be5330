import FoundationEssentials
import NIOConcurrencyHelpers
import NIOHTTP1
import WireProtocol

/// What a few clients do to a server at once, until it answers no more, and what it said yes to.
///
/// Two runners tell events alone and in batches, two carry out commands, one of them without an id, as older ones do.
struct ServerLoad: Sendable {
    /// A request that tells events, by the message of each.
    struct Report: Sendable {
        var runner: String
        var path: String
        var body: String
        var messages: [String]
    }

    /// A command on its way.
    struct Errand: Sendable {
        var runner: String?
        var id: Int64
        var wasOffered = false
        var isReported = false
    }

    /// What was answered with yes, and what was sent and not answered.
    struct Account: Sendable {
        var accepted: [Report] = []
        var unanswered: [Report] = []
        var errands: [Errand] = []
    }

    private static let rounds = 16
    private let server: BuiltServer
    private let box = NIOLockedValueBox(Account())

    init(on server: BuiltServer) { self.server = server }

    var account: Account { box.withLockedValue { $0 } }

    /// Returns when every client has done its part, or has got no answer.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            for runner in ["reporter-1", "reporter-2"] {
                group.addTask { await tell(as: runner) }
            }
            for runner in ["worker-1", nil] {
                // The end of the server ends it, too.
                group.addTask { try? await carryOut(as: runner) }
            }
        }
    }

    // MARK: - Events

    private func tell(as runner: String) async {
        for round in 0..<Self.rounds {
            let report = Self.report(of: runner, round)
            guard await send(report) else {
                box.withLockedValue { $0.unanswered.append(report) }
                return
            }
            box.withLockedValue { $0.accepted.append(report) }
        }
    }

    private func send(_ report: Report) async -> Bool {
        let answer = try? await server.send(.POST, report.path, report.body, runner: report.runner)
        return answer?.status == 200
    }

    private static func report(of runner: String, _ round: Int) -> Report {
        let messages = round.isMultiple(of: 2) ? ["\(runner) \(round)"] : (0..<5).map { "\(runner) \(round).\($0)" }
        let items = messages.enumerated().map { index, message in
            let kind = round.isMultiple(of: 2) ? "died" : "restarted"
            return """
                {"agent": "bot of \(runner)", "message": "\(message)", "event_id": "\(message)", \
                "seq": \(round * 10 + index + 1), "event": {"kind": "\(kind)"}}
                """
        }
        guard items.count > 1 else {
            return Report(runner: runner, path: "/heartbeat", body: items[0], messages: messages)
        }
        return Report(
            runner: runner, path: "/heartbeat/batch", body: #"{"heartbeats": [\#(items.joined(separator: ", "))]}"#,
            messages: messages)
    }

    // MARK: - Commands

    private func carryOut(as runner: String?) async throws {
        let name = runner ?? "older"
        let body = #"{"agent": "\#(name)", "restart_type": "docker", "restart_target": "\#(name)"}"#
        guard try await server.send(.POST, "/heartbeat", body, runner: runner).status == 200,
            let agent = try await server.agentID(name)
        else { return }
        for _ in 0..<Self.rounds {
            let queued = try await server.ask(
                .POST, "/agents/\(agent)/commands", #"{"action": "restart"}"#, as: BuiltServer.Queued.self)
            let id = queued.command.id
            box.withLockedValue { $0.errands.append(Errand(runner: runner, id: id)) }
            let offered = try await server.offered(to: runner)
            guard offered.contains(id) else { throw BuiltServerError(words: "command \(id) is not offered") }
            note(id) { $0.wasOffered = true }
            guard try await server.report(id, as: runner) == 200 else { return }
            note(id) { $0.isReported = true }
        }
    }

    private func note(_ id: Int64, _ change: (inout Errand) -> Void) {
        box.withLockedValue { account in
            guard let index = account.errands.firstIndex(where: { $0.id == id }) else { return }
            change(&account.errands[index])
        }
    }
}

extension BuiltServer {
    /// The commands that a poll gets.
    func offered(to runner: String?) async throws -> [Int64] {
        let (_, body) = try await send(.GET, "/commands", runner: runner)
        return try JSONDecoder().decode([Queued.Command].self, from: body).map(\.id)
    }

    /// Says that a command was carried out; returns the status of the answer.
    func report(_ command: Int64, as runner: String?) async throws -> UInt {
        try await send(
            .POST, "/commands/\(command)/result", #"{"status": "completed", "message": "done"}"#, runner: runner
        ).status
    }
}

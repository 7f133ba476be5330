import ServerDomain
import WireProtocol

/// `{"ok": true}`.
struct OKAnswer: Encodable {
    var ok = true
}

/// The 202 to a queued command.
struct QueuedAnswer: Encodable, Sendable {
    struct Body: Encodable, Sendable {
        var command: Command
        var status: String
        var runnerID: String?

        func encode(to encoder: any Encoder) throws {
            try command.encode(to: encoder)
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(status, forKey: .status)
            try container.encode(runnerID, forKey: .runnerID)
        }

        private enum Key: String, CodingKey {
            case status
            case runnerID = "runner_id"
        }
    }

    var ok = true
    var command: Body

    init(_ queued: QueuedCommand, agent: String?, at now: Duration) {
        command = Body(
            command: Command(queued, agent: agent, at: now), status: queued.state.rawValue,
            runnerID: queued.runner?.rawValue)
    }
}

extension Command {
    /// The form in which a command is offered at `now`.
    init(_ queued: QueuedCommand, agent: String?, at now: Duration) {
        let left = max(.zero, queued.issuedAt.steady + CommandPolicy.lifetime - now)
        self.init(
            id: queued.id.rawValue, action: queued.action.rawValue, type: queued.address.type,
            target: queued.address.target, agent: agent, issuedAt: queued.issuedAt.wall,
            expiresIn: Double(left.wholeMilliseconds) / 1000)
    }
}

import ServerDomain
import WireProtocol

/// The body of `GET /events`; `next` is what to give as `after` for the rest.
struct EventsAnswer: Encodable, Sendable {
    var events: [EventAnswer]
    var next: Int64
}

/// One event as the API shows it.
struct EventAnswer: Encodable, Sendable {
    private let record: EventRecord

    init(_ record: EventRecord) { self.record = record }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(record.id, forKey: .id)
        try container.encode(record.at, forKey: .at)
        try container.encode(record.receivedAt, forKey: .receivedAt)
        try container.encode(record.agent?.rawValue, forKey: .agentID)
        try container.encode(record.agentName, forKey: .agent)
        try container.encode(record.runner?.rawValue, forKey: .runnerID)
        try container.encode(record.kind, forKey: .kind)
        try container.encode(record.message, forKey: .message)
        try container.encode(record.data, forKey: .data)
    }

    private enum Key: String, CodingKey {
        case id, at, agent, kind, message, data
        case receivedAt = "received_at"
        case agentID = "agent_id"
        case runnerID = "runner_id"
    }
}

/// The body of `GET /runners`.
struct RunnersAnswer: Encodable, Sendable {
    var runners: [RunnerAnswer]
}

/// One runner as the API shows it.
struct RunnerAnswer: Encodable, Sendable {
    private let runner: Runner
    private let agents: Int

    init(_ runner: Runner, in fleet: Fleet) {
        self.runner = runner
        agents = fleet.instances.values.count { $0.id.runner == runner.id && $0.phase != .removed }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(runner.id.rawValue, forKey: .id)
        try container.encode(runner.hostname, forKey: .hostname)
        try container.encode(runner.version, forKey: .version)
        try container.encode(runner.state.name, forKey: .state)
        try container.encode(runner.lastSeen.wall, forKey: .lastSeen)
        try container.encode(agents, forKey: .agents)
    }

    private enum Key: String, CodingKey {
        case id, hostname, version, state, agents
        case lastSeen = "last_seen"
    }
}

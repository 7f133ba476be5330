import ServerDomain
import WireProtocol

/// The body of `GET /status`.
struct StatusAnswer: Encodable, Sendable {
    var total: Int
    var limit: Int64
    var offset: Int64
    var agents: [AgentAnswer]
}

/// One agent as the API shows it; what is not known is null, not absent.
struct AgentAnswer: Encodable, Sendable {
    var view: AgentView
    var instances: [InstanceAnswer]

    init(_ agent: Agent, in fleet: Fleet, at now: Moment) {
        view = AgentView(agent, in: fleet, at: now)
        instances = fleet.reporters(of: agent).map { instance in
            InstanceAnswer(instance, hostname: instance.id.runner.flatMap { fleet.runners[$0]?.hostname })
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(view.id.rawValue, forKey: .agentID)
        try container.encode(view.name, forKey: .agent)
        try container.encode(view.status.rawValue, forKey: .status)
        try container.encode(view.lastHeartbeat, forKey: .lastHeartbeat)
        try container.encode(view.message, forKey: .message)
        try container.encode(view.agentType, forKey: .agentType)
        try container.encode(view.restart?.type, forKey: .restartType)
        try container.encode(view.restart?.target, forKey: .restartTarget)
        try container.encode(view.memoryMB, forKey: .memoryMB)
        try container.encode(view.today.restarts, forKey: .restartsToday)
        try container.encode(view.today.tokens, forKey: .tokensToday)
        try container.encode(view.today.costUSD, forKey: .costToday)
        try container.encode(instances, forKey: .instances)
    }

    private enum Key: String, CodingKey {
        case agent, status, message, instances
        case agentID = "agent_id"
        case lastHeartbeat = "last_heartbeat"
        case agentType = "agent_type"
        case restartType = "restart_type"
        case restartTarget = "restart_target"
        case memoryMB = "memory_mb"
        case restartsToday = "restarts_today"
        case tokensToday = "tokens_today"
        case costToday = "cost_usd_today"
    }
}

/// One reporter of an agent as the API shows it.
struct InstanceAnswer: Encodable, Sendable {
    var instance: Instance
    var hostname: String?

    init(_ instance: Instance, hostname: String?) {
        self.instance = instance
        self.hostname = hostname
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(instance.source.rawValue, forKey: .source)
        try container.encode(instance.id.runner?.rawValue, forKey: .runnerID)
        try container.encode(hostname, forKey: .hostname)
        try container.encode((instance.status ?? .unknown).rawValue, forKey: .status)
        try container.encode(instance.lastHeard.wall, forKey: .lastHeartbeat)
        try container.encode(instance.interval?.wireSeconds, forKey: .interval)
    }

    private enum Key: String, CodingKey {
        case source, hostname, status, interval
        case runnerID = "runner_id"
        case lastHeartbeat = "last_heartbeat"
    }
}

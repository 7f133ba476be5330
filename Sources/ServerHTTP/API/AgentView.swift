import ServerDomain
import WireProtocol

/// One agent as people see it, out of what all its reporters say; for the API and the dashboard alike.
struct AgentView: Sendable, Hashable {
    var id: AgentID
    var name: String
    var status: AgentStatus
    var lastHeartbeat: WireTime?
    var message: String?
    var agentType: String?
    var restart: RestartAddress?
    var memoryMB: Double?
    var today: DayTotals
    var isRestartable: Bool
    var hostnames: [String]

    init(_ agent: Agent, in fleet: Fleet, at now: Moment) {
        let reporters = fleet.reporters(of: agent)
        let all = agent.reporters.compactMap { fleet.instances[InstanceID(agent: agent.id, runner: $0)] }
        let day = DayNumber(now.wall)
        let worst = fleet.status(of: agent)
        id = agent.id
        name = agent.name
        status = worst
        lastHeartbeat = all.map(\.lastHeard.wall).max()
        message = Self.message(of: reporters, worst: worst, now)
        agentType = agent.agentType
        restart = reporters.compactMap(\.restart).first
        // Runners measure the same process; code inside it knows no better.
        memoryMB = reporters.filter { $0.memoryMB != nil }.max { $0.lastHeard.wall < $1.lastHeard.wall }?.memoryMB
        today = agent.today.day == day ? agent.today : DayTotals(day: day)
        isRestartable = reporters.contains { $0.source == .runner && $0.isLive && $0.restart != nil }
        hostnames = reporters.compactMap(\.id.runner).compactMap { fleet.runners[$0]?.displayName }
    }

    /// What the reporter that decides the status had to say, or what the server found out itself.
    private static func message(of reporters: [Instance], worst: AgentStatus, _ now: Moment) -> String? {
        guard
            let telling = reporters.filter({ $0.status == worst }).max(by: { $0.lastHeard.wall < $1.lastHeard.wall })
        else { return nil }
        switch telling.phase {
        case .heard, .removed: return telling.message
        case .awaited: return "its runner has just started"
        case .left: return "its runner was stopped"
        case .silent:
            let hasLivingRunner = reporters.contains { $0.source == .runner && $0.isLive }
            let text = "no heartbeat for \((now.steady - telling.lastHeard.steady).spoken)"
            return telling.source == .sdk && hasLivingRunner ? "no work progress: \(text)" : text
        }
    }
}

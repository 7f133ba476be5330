/// One report about one agent, as `POST /heartbeat` and the items of a batch carry it.
package struct Heartbeat: Sendable, Hashable, Codable {
    package var agent: String
    package var status: HeartbeatStatus
    package var message: String?
    package var memoryMB: Double?
    package var agentType: String?
    /// What a command for this agent must name: the watcher's type, and the text after `TYPE:` exactly as typed.
    package var restartType: String?
    package var restartTarget: String?
    /// Seconds until the sender's next heartbeat is due.
    package var interval: Double?
    package var observedAt: WireTime?
    /// Only on single heartbeats; a batch carries one for all its items.
    package var sentAt: WireTime?
    /// Larger than every earlier one of the same runner; plain heartbeats repeat the newest.
    package var seq: Int64?
    /// The idempotency key of a state change.
    package var eventID: String?
    package var event: HeartbeatEvent?

    package init(
        agent: String, status: HeartbeatStatus, message: String? = nil, memoryMB: Double? = nil,
        agentType: String? = nil, restartType: String? = nil, restartTarget: String? = nil,
        interval: Double? = nil, observedAt: WireTime? = nil, sentAt: WireTime? = nil, seq: Int64? = nil,
        eventID: String? = nil, event: HeartbeatEvent? = nil
    ) {
        self.agent = agent
        self.status = status
        self.message = message
        self.memoryMB = memoryMB
        self.agentType = agentType
        self.restartType = restartType
        self.restartTarget = restartTarget
        self.interval = interval
        self.observedAt = observedAt
        self.sentAt = sentAt
        self.seq = seq
        self.eventID = eventID
        self.event = event
    }

    package enum CodingKeys: String, CodingKey {
        case agent, status, message, interval, seq, event
        case memoryMB = "memory_mb"
        case agentType = "agent_type"
        case restartType = "restart_type"
        case restartTarget = "restart_target"
        case observedAt = "observed_at"
        case sentAt = "sent_at"
        case eventID = "event_id"
    }
}

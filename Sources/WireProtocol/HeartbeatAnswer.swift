/// The 200 to a single heartbeat, sent after the commit.
package struct HeartbeatAnswer: Sendable, Hashable, Codable {
    package var ok: Bool
    package var agentID: Int64
    package var agent: String
    package var status: HeartbeatStatus
    /// `loop_detected` or `cost_exceeded` when a limit was crossed.
    package var warning: String?
    package var reason: String?

    package init(
        ok: Bool = true, agentID: Int64, agent: String, status: HeartbeatStatus, warning: String? = nil,
        reason: String? = nil
    ) {
        self.ok = ok
        self.agentID = agentID
        self.agent = agent
        self.status = status
        self.warning = warning
        self.reason = reason
    }

    package enum CodingKeys: String, CodingKey {
        case ok, agent, status, warning, reason
        case agentID = "agent_id"
    }
}

/// The 200 to a batch: one result an item, in order.
package struct BatchAnswer: Sendable, Hashable, Codable {
    package struct Item: Sendable, Hashable, Codable {
        package var agent: String?
        package var ok: Bool
        package var agentID: Int64?
        package var error: String?

        package init(agent: String?, ok: Bool, agentID: Int64? = nil, error: String? = nil) {
            self.agent = agent
            self.ok = ok
            self.agentID = agentID
            self.error = error
        }

        package enum CodingKeys: String, CodingKey {
            case agent, ok, error
            case agentID = "agent_id"
        }
    }

    package var ok: Bool
    package var accepted: Int
    package var results: [Item]

    package init(ok: Bool = true, accepted: Int, results: [Item]) {
        self.ok = ok
        self.accepted = accepted
        self.results = results
    }
}

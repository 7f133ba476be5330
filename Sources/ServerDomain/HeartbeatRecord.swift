package import WireProtocol

/// One heartbeat as history keeps it.
package struct HeartbeatRecord: Sendable, Hashable {
    package var agent: AgentID
    package var runner: RunnerID?
    package var at: WireTime
    package var receivedAt: WireTime
    /// It came after a newer one and changed no status.
    package var isLate: Bool
    package var report: HeartbeatReport

    package init(
        agent: AgentID, runner: RunnerID?, at: WireTime, receivedAt: WireTime, isLate: Bool, report: HeartbeatReport
    ) {
        self.agent = agent
        self.runner = runner
        self.at = at
        self.receivedAt = receivedAt
        self.isLate = isLate
        self.report = report
    }
}

/// One heartbeat after validation: everything in it keeps the rules of the protocol.
package struct HeartbeatReport: Sendable, Hashable {
    package var agent: String
    package var status: HeartbeatStatus
    package var message: String?
    package var tokensUsed: Int64?
    package var toolCalls: Int64?
    package var iterationCount: Int64?
    package var costUSD: Double?
    package var memoryMB: Double?
    package var agentType: String?
    /// `custom_data`, `tool_call_log` and `prompt_hashes` as one JSON object, cut to what is kept.
    package var extra: String?
    package var restartType: String?
    package var restartTarget: String?
    package var interval: Duration?
    package var observedAt: WireTime?
    package var sentAt: WireTime?
    package var seq: Int64?
    package var eventID: String?
    package var event: HeartbeatEvent?

    package init(agent: String, status: HeartbeatStatus = .ok) {
        self.agent = agent
        self.status = status
    }

    /// What a command must name; nil unless both halves were said.
    package var restart: RestartAddress? {
        guard let restartType, let restartTarget else { return nil }
        return RestartAddress(type: restartType, target: restartTarget)
    }
}

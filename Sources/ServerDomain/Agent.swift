package import WireProtocol

/// One watched program under the name its senders give it.
package struct Agent: Sendable, Hashable {
    package var id: AgentID
    package var project: ProjectID
    package var name: String
    package var agentType: String?
    package var createdAt: WireTime
    /// Who ever reported it, removed reporters included, in order of their first heartbeat.
    package var reporters: [RunnerID?]
    package var today: DayTotals

    package init(
        id: AgentID, project: ProjectID, name: String, agentType: String? = nil, createdAt: WireTime,
        reporters: [RunnerID?] = [], today: DayTotals
    ) {
        self.id = id
        self.project = project
        self.name = name
        self.agentType = agentType
        self.createdAt = createdAt
        self.reporters = reporters
        self.today = today
    }
}

/// What one agent did and cost on one day.
package struct DayTotals: Sendable, Hashable {
    package var day: DayNumber
    package var restarts: Int64
    package var tokens: Int64
    package var costUSD: Double

    package init(day: DayNumber, restarts: Int64 = 0, tokens: Int64 = 0, costUSD: Double = 0) {
        self.day = day
        self.restarts = restarts
        self.tokens = tokens
        self.costUSD = costUSD
    }

    package var isEmpty: Bool { restarts == 0 && tokens == 0 && costUSD == 0 }

    /// Adds what happened on the same day; a newer day starts anew, an older one leaves this day as it is.
    package mutating func add(_ other: DayTotals) {
        if other.day > day { self = DayTotals(day: other.day) }
        guard other.day == day else { return }
        restarts = restarts.addingReportingOverflow(other.restarts).partialValue
        let (sum, overflow) = tokens.addingReportingOverflow(other.tokens)
        tokens = overflow ? .max : sum
        // JSON has no infinity.
        costUSD = min(costUSD + other.costUSD, .greatestFiniteMagnitude)
    }
}

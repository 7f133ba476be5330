/// What one turn changed and the store must write, newest value of each row only.
package struct FleetChanges: Sendable {
    package struct DayKey: Sendable, Hashable {
        package var agent: AgentID
        package var day: DayNumber
    }

    package var agents: [AgentID: Agent] = [:]
    package var instances: [InstanceID: Instance] = [:]
    package var runners: [RunnerID: Runner] = [:]
    package var commands: [CommandID: QueuedCommand] = [:]
    package var heartbeats: [HeartbeatRecord] = []
    package var events: [EventRecord] = []
    /// Deliveries that must not count again, with the agent they were for.
    package var eventKeys: [EventKey: AgentID] = [:]
    /// What to add to the sums of a day.
    package var days: [DayKey: DayTotals] = [:]

    package init() {}

    package var isEmpty: Bool {
        agents.isEmpty && instances.isEmpty && runners.isEmpty && commands.isEmpty && heartbeats.isEmpty
            && events.isEmpty && eventKeys.isEmpty && days.isEmpty
    }
}

/// Gives out identifiers; restored from the store at start.
package struct IdentifierSource: Sendable, Hashable {
    package var nextAgent: Int64
    package var nextEvent: Int64
    package var nextCommand: Int64

    /// Continues after the highest identifiers given so far.
    ///
    /// - Parameter unixSeconds: Commands start no lower than this, so that a new installation repeats none of an old
    ///   one's: a runner's ledger outlives the server's data.
    package init(lastAgent: Int64 = 0, lastEvent: Int64 = 0, lastCommand: Int64 = 0, unixSeconds: Int64 = 0) {
        nextAgent = lastAgent + 1
        nextEvent = lastEvent + 1
        nextCommand = max(lastCommand + 1, unixSeconds)
    }

    mutating func makeAgentID() -> AgentID {
        defer { nextAgent += 1 }
        return AgentID(rawValue: nextAgent)
    }

    mutating func makeEventID() -> Int64 {
        defer { nextEvent += 1 }
        return nextEvent
    }

    mutating func makeCommandID() -> CommandID {
        defer { nextCommand += 1 }
        return CommandID(rawValue: nextCommand)
    }
}

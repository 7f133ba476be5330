/// One round of decisions that share a moment and a commit: its inputs, and what they changed.
package struct Turn: Sendable {
    package let now: Moment
    package var identifiers: IdentifierSource
    package var changes = FleetChanges()
    /// What waiting requests must look at again after the commit.
    package var rings: Set<Topic> = []
    /// Event ids of this turn's requests that the store has already.
    private let knownEvents: [EventKey: AgentID]

    package init(now: Moment, identifiers: IdentifierSource, knownEvents: [EventKey: AgentID] = [:]) {
        self.now = now
        self.identifiers = identifiers
        self.knownEvents = knownEvents
    }

    /// Finds the agent that an event id was already delivered for, earlier or in this very turn.
    func delivered(_ key: EventKey) -> AgentID? {
        knownEvents[key] ?? changes.eventKeys[key]
    }
}

/// What a waiting request may wait for.
package enum Topic: Sendable, Hashable {
    /// Commands for one runner, or for clients without an id.
    case commands(ProjectID, RunnerID?)
    /// Anything the dashboard shows.
    case fleet(ProjectID)
    /// A deadline earlier than the ones before.
    case deadline
}

/// Keeps what the fleets know.
package protocol FleetRepository: Sendable {
    /// Reads everything that a start needs.
    func loadFleets() async throws -> StoredFleets

    /// Finds which of these deliveries were taken in before, and for which agent.
    func deliveries(of keys: [EventKey]) async throws -> [EventKey: AgentID]

    /// Writes all of `changes` or nothing, and returns only once they are on the disk.
    func commit(_ changes: FleetChanges) async throws
}

/// What the store holds at a start.
package struct StoredFleets: Sendable {
    package var fleets: [ProjectID: Fleet.Snapshot]
    package var lastAgent: Int64
    package var lastEvent: Int64
    package var lastCommand: Int64

    package init(fleets: [ProjectID: Fleet.Snapshot], lastAgent: Int64, lastEvent: Int64, lastCommand: Int64) {
        self.fleets = fleets
        self.lastAgent = lastAgent
        self.lastEvent = lastEvent
        self.lastCommand = lastCommand
    }
}

/// Reads a project's history of changes.
package protocol EventRepository: Sendable {
    /// Lists events with an id above `after`, oldest first.
    func events(in project: ProjectID, after: Int64, agent: AgentID?, limit: Int) async throws -> [EventRecord]

    /// Lists the newest events, newest first.
    func newestEvents(in project: ProjectID, limit: Int) async throws -> [EventRecord]
}

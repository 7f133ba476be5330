import NIOConcurrencyHelpers
package import ServerDomain

/// A store in memory whose commits the test lets through, one at a time, or lets fail.
package actor GatedRepository: FleetRepository {
    package struct Refusal: Error {}

    private var gate: AsyncStream<Bool>.Iterator?
    private var fleets: StoredFleets
    private let arrivals: AsyncStream<FleetChanges>.Continuation
    /// Every commit, when it starts.
    package nonisolated let commits: AsyncStream<FleetChanges>
    /// Lets the next commit end: well or badly.
    package nonisolated let outcomes: AsyncStream<Bool>.Continuation

    package init(fleets: [ProjectID: Fleet.Snapshot] = [:]) {
        let (stream, continuation) = AsyncStream<Bool>.makeStream()
        gate = stream.makeAsyncIterator()
        outcomes = continuation
        (commits, arrivals) = AsyncStream.makeStream()
        self.fleets = StoredFleets(fleets: fleets, lastAgent: 0, lastEvent: 0, lastCommand: 0)
    }

    package func loadFleets() async throws -> StoredFleets { fleets }

    package func deliveries(of keys: [EventKey]) async throws -> [EventKey: AgentID] { [:] }

    package func commit(_ changes: FleetChanges) async throws {
        arrivals.yield(changes)
        guard var waiting = gate else { throw Refusal() }
        let isFine = await waiting.next(isolation: self)
        gate = waiting
        guard isFine == true else { throw Refusal() }
    }
}

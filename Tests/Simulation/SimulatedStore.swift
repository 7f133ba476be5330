import ServerDomain
import WireProtocol

/// What the server's disk holds. It survives every crash.
final class SimulatedStore: @unchecked Sendable {
    /// A state change that arrived.
    struct Arrival {
        var runner: RunnerID
        var eventID: String
        var seq: Int64
        var event: HeartbeatEvent
        var agent: String
        var at: WireTime
        var arrived: Moment
    }

    private(set) var agents: [AgentID: Agent] = [:]
    private(set) var instances: [InstanceID: Instance] = [:]
    private(set) var runners: [RunnerID: Runner] = [:]
    private(set) var commands: [CommandID: QueuedCommand] = [:]
    private(set) var eventKeys: [EventKey: AgentID] = [:]
    private(set) var arrivals: [Arrival] = []
    private var lastEvent: Int64 = 0

    var stored: StoredFleets {
        let snapshot = Fleet.Snapshot(
            agents: agents.values.sorted { $0.id < $1.id }, instances: Array(instances.values),
            runners: Array(runners.values), commands: commands.values.sorted { $0.id < $1.id })
        return StoredFleets(
            fleets: [SimulatedServer.project: snapshot], lastAgent: agents.keys.max()?.rawValue ?? 0,
            lastEvent: lastEvent, lastCommand: commands.keys.max()?.rawValue ?? 0)
    }

    func apply(_ changes: FleetChanges, at now: Moment) {
        agents.merge(changes.agents) { $1 }
        instances.merge(changes.instances) { $1 }
        runners.merge(changes.runners) { $1 }
        commands.merge(changes.commands) { $1 }
        eventKeys.merge(changes.eventKeys) { $1 }
        lastEvent = max(lastEvent, changes.events.map(\.id).max() ?? 0)
        for heartbeat in changes.heartbeats {
            guard let runner = heartbeat.runner, let event = heartbeat.report.event,
                let id = heartbeat.report.eventID, let seq = heartbeat.report.seq
            else { continue }
            arrivals.append(
                Arrival(
                    runner: runner, eventID: id, seq: seq, event: event, agent: heartbeat.report.agent,
                    at: heartbeat.at, arrived: now))
        }
    }
}

/// The store as one life of the server has it: from its crash on, nothing is written.
actor SimulatedRepository: FleetRepository {
    struct Failure: Error {}

    private let life: ServerLife
    private var server: SimulatedServer { life.server }

    init(_ life: ServerLife) {
        self.life = life
    }

    func loadFleets() async throws -> StoredFleets {
        try await pause()
        return server.store.stored
    }

    func deliveries(of keys: [EventKey]) async throws -> [EventKey: AgentID] {
        try await pause()
        var known: [EventKey: AgentID] = [:]
        for key in keys { known[key] = server.store.eventKeys[key] }
        return known
    }

    func commit(_ changes: FleetChanges) async throws {
        life.mayDieSoon(0.002)
        try await pause()
        if server.world.now < server.storeFailsUntil {
            server.world.trace.count("server: store failed")
            throw Failure()
        }
        server.store.apply(changes, at: server.world.now)
        server.checks.committed(changes)
        life.mayDieSoon(0.002)
        try await pause()
    }

    private func pause() async throws {
        await server.world.sleep(server.world.spread(50, .milliseconds(20)), on: server.machine)
        guard life.isAlive else { throw Failure() }
    }
}

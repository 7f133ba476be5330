import FoundationEssentials
import GRDB
package import ServerDomain
import WireProtocol

extension SQLiteStore: FleetRepository {
    package func commit(_ changes: FleetChanges) async throws {
        try checkPlace()
        try await pool.write { db in
            for agent in changes.agents.values { try write(agent, db) }
            for runner in changes.runners.values { try write(runner, db) }
            for instance in changes.instances.values { try write(instance, changes, db) }
            for command in changes.commands.values { try write(command, db) }
            for heartbeat in changes.heartbeats { try write(heartbeat, db) }
            for event in changes.events { try write(event, db) }
            for (key, totals) in changes.days { try add(totals, to: key.agent, db) }
            try writeDeliveries(changes, db)
        }
    }

    package func deliveries(of keys: [EventKey]) async throws -> [EventKey: AgentID] {
        try await pool.read { db in
            var found: [EventKey: AgentID] = [:]
            let statement = try db.cachedStatement(
                sql: "SELECT agent_id FROM deliveries WHERE project_id = ? AND event_id = ?")
            for key in keys {
                let agent = try Int64.fetchOne(statement, arguments: [key.project.rawValue, key.eventID])
                if let agent { found[key] = AgentID(rawValue: agent) }
            }
            return found
        }
    }

    private func write(_ agent: Agent, _ db: Database) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO agents (id, project_id, name, agent_type, created_at) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET name = excluded.name, agent_type = excluded.agent_type
                """
        ).execute(arguments: [
            agent.id.rawValue, agent.project.rawValue, agent.name, agent.agentType,
            agent.createdAt.millisecondsSince1970,
        ])
    }

    private func write(_ runner: Runner, _ db: Database) throws {
        var reason: String?
        var silentSince: Int64?
        switch runner.state {
        case .stopped(let why): reason = why
        case .silent(let since): silentSince = since.wall.millisecondsSince1970
        case .starting, .running: break
        }
        try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO runners (project_id, id, hostname, version, boot_id, state, reason, silent_since,
                    last_seen, last_heard)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            runner.project.rawValue, runner.id.rawValue, runner.hostname, runner.version, runner.bootID,
            runner.state.name, reason, silentSince, runner.lastSeen.wall.millisecondsSince1970,
            runner.lastHeard.wall.millisecondsSince1970,
        ])
    }

    private func write(_ instance: Instance, _ changes: FleetChanges, _ db: Database) throws {
        let (phase, status) = PhaseColumns.write(instance.phase)
        // A new reporter changes its agent too, so the order of reporters is known here; later it stays as it is.
        let position = changes.agents[instance.id.agent]?.reporters.firstIndex(of: instance.id.runner) ?? 0
        try db.cachedStatement(
            sql: """
                INSERT INTO instances (agent_id, runner_id, position, source, phase, status, last_heard, interval, seq,
                    message, memory_mb, restart_type, restart_target, outage_since, outage_of_runner)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (agent_id, runner_id) DO UPDATE SET source = excluded.source, phase = excluded.phase,
                    status = excluded.status, last_heard = excluded.last_heard, interval = excluded.interval,
                    seq = excluded.seq, message = excluded.message, memory_mb = excluded.memory_mb,
                    restart_type = excluded.restart_type, restart_target = excluded.restart_target,
                    outage_since = excluded.outage_since, outage_of_runner = excluded.outage_of_runner
                """
        ).execute(arguments: [
            instance.id.agent.rawValue, instance.id.runner?.rawValue ?? "", position, instance.source.rawValue, phase,
            status,
            instance.lastHeard.wall.millisecondsSince1970, instance.interval?.wholeMilliseconds, instance.seq,
            instance.message, instance.memoryMB, instance.restart?.type, instance.restart?.target,
            instance.outage?.since.wall.millisecondsSince1970, instance.outage?.isPartOfRunner ?? false,
        ])
    }

    private func write(_ command: QueuedCommand, _ db: Database) throws {
        try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO commands (id, project_id, agent_id, runner_id, action, restart_type,
                    restart_target, state, issued_at, message, has_result)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            command.id.rawValue, command.project.rawValue, command.agent.rawValue, command.runner?.rawValue,
            command.action.rawValue, command.address.type, command.address.target, command.state.rawValue,
            command.issuedAt.wall.millisecondsSince1970, command.resultMessage, command.hasResult,
        ])
    }
}

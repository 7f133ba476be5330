import FoundationEssentials
import GRDB
package import ServerDomain
import WireProtocol

extension SQLiteStore {
    package func loadFleets() async throws -> StoredFleets {
        try await pool.read { db in
            var fleets: [ProjectID: Fleet.Snapshot] = [:]
            for row in try Row.fetchAll(db, sql: "SELECT id, is_strict FROM projects") {
                let project = ProjectID(rawValue: row[0])
                fleets[project] = Fleet.Snapshot(
                    isStrict: row[1], agents: try agents(of: project, db), instances: try instances(of: project, db),
                    runners: try runners(of: project, db), commands: try commands(of: project, db))
            }
            return StoredFleets(
                fleets: fleets, lastAgent: try last("agents", db), lastEvent: try last("events", db),
                lastCommand: try last("commands", db))
        }
    }

    /// The highest id ever given, also of rows that are gone.
    private func last(_ table: String, _ db: Database) throws -> Int64 {
        try Int64.fetchOne(db, sql: "SELECT seq FROM sqlite_sequence WHERE name = ?", arguments: [table]) ?? 0
    }

    private func agents(of project: ProjectID, _ db: Database) throws -> [Agent] {
        var reporters: [Int64: [RunnerID?]] = [:]
        for row in try Row.fetchAll(
            db,
            sql: """
                SELECT agent_id, runner_id FROM instances JOIN agents ON agents.id = agent_id
                WHERE project_id = ? ORDER BY agent_id, position
                """, arguments: [project.rawValue])
        {
            reporters[row[0], default: []].append(RunnerID(rawValue: row[1]))
        }
        return try Row.fetchAll(
            db,
            sql: """
                SELECT id, name, agent_type, created_at, day, restarts, tokens, cost_usd FROM agents
                LEFT JOIN agent_days ON agent_id = id AND day = (SELECT max(day) FROM agent_days WHERE agent_id = id)
                WHERE project_id = ?
                """, arguments: [project.rawValue]
        ).map { row in
            Agent(
                id: AgentID(rawValue: row[0]), project: project, name: row[1], agentType: row[2],
                createdAt: WireTime(millisecondsSince1970: row[3]), reporters: reporters[row[0]] ?? [],
                today: DayTotals(
                    day: DayNumber(rawValue: row[4] ?? 0), restarts: row[5] ?? 0, tokens: row[6] ?? 0,
                    costUSD: row[7] ?? 0))
        }
    }

    private func instances(of project: ProjectID, _ db: Database) throws -> [Instance] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT agent_id, runner_id, source, phase, status, last_heard, interval, seq, message, memory_mb,
                    restart_type, restart_target, outage_since, outage_of_runner
                FROM instances JOIN agents ON agents.id = agent_id WHERE project_id = ?
                """, arguments: [project.rawValue]
        ).map { row in
            let restartType: String? = row[10]
            let restartTarget: String? = row[11]
            return Instance(
                id: InstanceID(agent: AgentID(rawValue: row[0]), runner: RunnerID(rawValue: row[1])),
                source: Instance.Source(rawValue: row[2]) ?? .sdk,
                phase: PhaseColumns.read(phase: row[3], status: row[4]),
                lastHeard: Self.stored(row[5]), interval: (row[6] as Int64?).map { .milliseconds($0) }, seq: row[7],
                message: row[8], memoryMB: row[9],
                restart: restartType.flatMap { type in restartTarget.map { RestartAddress(type: type, target: $0) } },
                outage: (row[12] as Int64?).map {
                    Instance.Outage(since: Self.stored($0), isPartOfRunner: row[13])
                })
        }
    }

    private func runners(of project: ProjectID, _ db: Database) throws -> [Runner] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT id, hostname, version, boot_id, state, reason, silent_since, last_seen, last_heard FROM runners
                WHERE project_id = ?
                """, arguments: [project.rawValue]
        ).compactMap { row in
            guard let id = RunnerID(rawValue: row[0]) else { return nil }
            return Runner(
                id: id, project: project, hostname: row[1], version: row[2], bootID: row[3],
                state: PhaseColumns.readRunner(state: row[4], reason: row[5], silentSince: row[6]),
                lastSeen: Self.stored(row[7]), lastHeard: Self.stored(row[8]))
        }
    }

    /// Reads the open commands and the newest of the finished ones, for a late or repeated result.
    private func commands(of project: ProjectID, _ db: Database) throws -> [QueuedCommand] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT id, agent_id, runner_id, action, restart_type, restart_target, state, issued_at, message,
                    has_result
                FROM commands WHERE project_id = ? ORDER BY id DESC LIMIT 10000
                """, arguments: [project.rawValue]
        ).compactMap { row in
            guard let action = CommandAction(rawValue: row[3]), let state = QueuedCommand.State(rawValue: row[6])
            else { return nil }
            return QueuedCommand(
                id: CommandID(rawValue: row[0]), project: project, agent: AgentID(rawValue: row[1]),
                runner: (row[2] as String?).flatMap(RunnerID.init(rawValue:)), action: action,
                address: RestartAddress(type: row[4], target: row[5]), state: state,
                issuedAt: Self.stored(row[7]), resultMessage: row[8], hasResult: row[9])
        }
    }

    /// A stored time; its steady half is found by the fleet that is restored from it.
    private static func stored(_ milliseconds: Int64) -> Moment {
        Moment(steady: .zero, wall: WireTime(millisecondsSince1970: milliseconds))
    }
}

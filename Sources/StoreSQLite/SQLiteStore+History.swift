import FoundationEssentials
import GRDB
package import ServerDomain
import WireProtocol

extension SQLiteStore {
    func write(_ heartbeat: HeartbeatRecord, _ db: Database) throws {
        let report = heartbeat.report
        try db.cachedStatement(
            sql: """
                INSERT INTO heartbeats (agent_id, runner_id, at, received_at, is_late, status, message, tokens_used,
                    tool_calls, iteration_count, cost_usd, memory_mb, seq, event_id, extra)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            heartbeat.agent.rawValue, heartbeat.runner?.rawValue, heartbeat.at.millisecondsSince1970,
            heartbeat.receivedAt.millisecondsSince1970, heartbeat.isLate, report.status.rawValue, report.message,
            report.tokensUsed, report.toolCalls, report.iterationCount, report.costUSD, report.memoryMB, report.seq,
            report.eventID, report.extra,
        ])
    }

    func write(_ event: EventRecord, _ db: Database) throws {
        let data = String(decoding: try JSONEncoder().encode(event.data), as: UTF8.self)
        try db.cachedStatement(
            sql: """
                INSERT INTO events (id, project_id, at, received_at, agent_id, agent_name, runner_id, kind, message,
                    data)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            event.id, event.project.rawValue, event.at.millisecondsSince1970, event.receivedAt.millisecondsSince1970,
            event.agent?.rawValue, event.agentName, event.runner?.rawValue, event.kind, event.message, data,
        ])
    }

    func add(_ totals: DayTotals, to agent: AgentID, _ db: Database) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO agent_days (agent_id, day, restarts, tokens, cost_usd) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (agent_id, day) DO UPDATE SET restarts = restarts + excluded.restarts,
                    tokens = CAST(min(tokens + CAST(excluded.tokens AS REAL), 9.2e18) AS INTEGER),
                    cost_usd = cost_usd + excluded.cost_usd
                """
        ).execute(arguments: [
            agent.rawValue, totals.day.rawValue, totals.restarts, totals.tokens, totals.costUSD,
        ])
    }

    func writeDeliveries(_ changes: FleetChanges, _ db: Database) throws {
        guard !changes.eventKeys.isEmpty else { return }
        let receivedAt = changes.heartbeats.first?.receivedAt.millisecondsSince1970 ?? 0
        let statement = try db.cachedStatement(
            sql: """
                INSERT OR IGNORE INTO deliveries (project_id, event_id, agent_id, received_at) VALUES (?, ?, ?, ?)
                """)
        for (key, agent) in changes.eventKeys {
            try statement.execute(arguments: [key.project.rawValue, key.eventID, agent.rawValue, receivedAt])
        }
    }
}

extension SQLiteStore: EventRepository {
    package func events(
        in project: ProjectID, after: Int64, agent: AgentID?, limit: Int
    ) async throws -> [EventRecord] {
        try await pool.read { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT id, at, received_at, agent_id, agent_name, runner_id, kind, message, data FROM events
                    WHERE project_id = ? AND id > ? AND (?3 IS NULL OR agent_id = ?3) ORDER BY id LIMIT ?4
                    """, arguments: [project.rawValue, after, agent?.rawValue, limit])
            return try Array(rows.map { try Self.event($0, in: project) })
        }
    }

    package func newestEvents(in project: ProjectID, limit: Int) async throws -> [EventRecord] {
        try await pool.read { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT id, at, received_at, agent_id, agent_name, runner_id, kind, message, data FROM events
                    WHERE project_id = ? ORDER BY id DESC LIMIT ?
                    """, arguments: [project.rawValue, limit])
            return try Array(rows.map { try Self.event($0, in: project) })
        }
    }

    private static func event(_ row: Row, in project: ProjectID) throws -> EventRecord {
        let data: String = row[8]
        return EventRecord(
            id: row[0], project: project, at: WireTime(millisecondsSince1970: row[1]),
            receivedAt: WireTime(millisecondsSince1970: row[2]),
            agent: (row[3] as Int64?).map(AgentID.init(rawValue:)), agentName: row[4],
            runner: (row[5] as String?).flatMap(RunnerID.init(rawValue:)), kind: row[6], message: row[7],
            data: (try? JSONDecoder().decode(EventData.self, from: [UInt8](data.utf8).asData)) ?? EventData())
    }
}

extension [UInt8] {
    var asData: Data { Data(self) }
}

import GRDB

/// The tables, version by version. A version that was published never changes; what is new comes after it.
enum Schema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("0001 fleet and history") { db in
            for statement in fleet + history + access { try db.execute(sql: statement) }
        }
        return migrator
    }

    // Times are milliseconds since 1970, durations milliseconds.

    private static let fleet = [
        """
        CREATE TABLE projects (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL, is_strict INTEGER NOT NULL DEFAULT 0,
            created_at INTEGER NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE agents (
            id INTEGER PRIMARY KEY AUTOINCREMENT, project_id INTEGER NOT NULL REFERENCES projects(id),
            name TEXT NOT NULL, agent_type TEXT, created_at INTEGER NOT NULL, UNIQUE (project_id, name)
        ) STRICT
        """,
        """
        CREATE TABLE instances (
            agent_id INTEGER NOT NULL REFERENCES agents(id), runner_id TEXT NOT NULL, position INTEGER NOT NULL,
            source TEXT NOT NULL, phase TEXT NOT NULL, status TEXT, last_heard INTEGER NOT NULL, interval INTEGER,
            seq INTEGER, message TEXT, memory_mb REAL, restart_type TEXT, restart_target TEXT,
            outage_since INTEGER, outage_of_runner INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (agent_id, runner_id)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE runners (
            project_id INTEGER NOT NULL REFERENCES projects(id), id TEXT NOT NULL, hostname TEXT, version TEXT,
            boot_id TEXT, state TEXT NOT NULL, reason TEXT, silent_since INTEGER, last_seen INTEGER NOT NULL,
            last_heard INTEGER NOT NULL, PRIMARY KEY (project_id, id)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE commands (
            id INTEGER PRIMARY KEY AUTOINCREMENT, project_id INTEGER NOT NULL REFERENCES projects(id),
            agent_id INTEGER NOT NULL REFERENCES agents(id), runner_id TEXT, action TEXT NOT NULL,
            restart_type TEXT NOT NULL, restart_target TEXT NOT NULL, state TEXT NOT NULL,
            issued_at INTEGER NOT NULL, message TEXT, has_result INTEGER NOT NULL DEFAULT 0
        ) STRICT
        """,
        "CREATE INDEX commands_by_issue ON commands (issued_at)",
    ]

    private static let history = [
        """
        CREATE TABLE heartbeats (
            id INTEGER PRIMARY KEY, agent_id INTEGER NOT NULL, runner_id TEXT, at INTEGER NOT NULL,
            received_at INTEGER NOT NULL, is_late INTEGER NOT NULL, status TEXT NOT NULL, message TEXT,
            tokens_used INTEGER, tool_calls INTEGER, iteration_count INTEGER, cost_usd REAL, memory_mb REAL,
            seq INTEGER, event_id TEXT, extra TEXT
        ) STRICT
        """,
        "CREATE INDEX heartbeats_by_agent ON heartbeats (agent_id, at)",
        """
        CREATE TABLE events (
            id INTEGER PRIMARY KEY AUTOINCREMENT, project_id INTEGER NOT NULL, at INTEGER NOT NULL,
            received_at INTEGER NOT NULL, agent_id INTEGER, agent_name TEXT, runner_id TEXT, kind TEXT NOT NULL,
            message TEXT, data TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX events_by_project ON events (project_id, id)",
        "CREATE INDEX events_by_agent ON events (agent_id, id)",
        """
        CREATE TABLE deliveries (
            project_id INTEGER NOT NULL, event_id TEXT NOT NULL, agent_id INTEGER NOT NULL,
            received_at INTEGER NOT NULL, PRIMARY KEY (project_id, event_id)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX deliveries_by_receipt ON deliveries (received_at)",
        """
        CREATE TABLE agent_days (
            agent_id INTEGER NOT NULL, day INTEGER NOT NULL, restarts INTEGER NOT NULL, tokens INTEGER NOT NULL,
            cost_usd REAL NOT NULL, PRIMARY KEY (agent_id, day)
        ) STRICT, WITHOUT ROWID
        """,
    ]

    private static let access = [
        """
        CREATE TABLE api_keys (
            id INTEGER PRIMARY KEY AUTOINCREMENT, project_id INTEGER NOT NULL REFERENCES projects(id),
            name TEXT NOT NULL, digest BLOB NOT NULL UNIQUE, scopes TEXT NOT NULL, created_at INTEGER NOT NULL,
            revoked_at INTEGER
        ) STRICT
        """,
        """
        CREATE TABLE sign_ins (
            digest BLOB PRIMARY KEY NOT NULL, project_id INTEGER NOT NULL, expires_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE sessions (
            digest BLOB PRIMARY KEY NOT NULL, project_id INTEGER NOT NULL, expires_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE TABLE settings (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    ]
}

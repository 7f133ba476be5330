import FoundationEssentials
import GRDB
package import ServerDomain
package import WireProtocol

extension SQLiteStore: SessionRepository {
    package func addSignIn(_ digest: SecretDigest, project: ProjectID, expiry: WireTime) async throws {
        try await pool.write { db in
            try db.execute(
                sql: "INSERT INTO sign_ins (digest, project_id, expires_at) VALUES (?, ?, ?)",
                arguments: [digest.data, project.rawValue, expiry.millisecondsSince1970])
        }
    }

    package func isSignInValid(_ digest: SecretDigest, at now: WireTime) async throws -> Bool {
        try await pool.read { db in
            try Bool.fetchOne(
                db, sql: "SELECT EXISTS (SELECT 1 FROM sign_ins WHERE digest = ? AND expires_at > ?)",
                arguments: [digest.data, now.millisecondsSince1970]) ?? false
        }
    }

    package func signIn(
        _ digest: SecretDigest, session: SecretDigest, at now: WireTime, expiry: WireTime
    ) async throws -> Bool {
        try await pool.write { db in
            let time = now.millisecondsSince1970
            let project = try Int64.fetchOne(
                db, sql: "SELECT project_id FROM sign_ins WHERE digest = ? AND expires_at > ?",
                arguments: [digest.data, time])
            try db.execute(
                sql: "DELETE FROM sign_ins WHERE digest = ? OR expires_at <= ?", arguments: [digest.data, time])
            try db.execute(sql: "DELETE FROM sessions WHERE expires_at <= ?", arguments: [time])
            guard let project else { return false }
            try db.execute(
                sql: "INSERT INTO sessions (digest, project_id, expires_at) VALUES (?, ?, ?)",
                arguments: [session.data, project, expiry.millisecondsSince1970])
            return true
        }
    }

    package func session(matching digest: SecretDigest, at now: WireTime) async throws -> ProjectID? {
        try await pool.read { db in
            try Int64.fetchOne(
                db, sql: "SELECT project_id FROM sessions WHERE digest = ? AND expires_at > ?",
                arguments: [digest.data, now.millisecondsSince1970]
            ).map(ProjectID.init(rawValue:))
        }
    }

    package func signOut(_ digest: SecretDigest) async throws {
        try await pool.write { db in
            try db.execute(sql: "DELETE FROM sessions WHERE digest = ?", arguments: [digest.data])
        }
    }
}

extension SQLiteStore {
    /// Finds the first project, or makes it.
    ///
    /// - Returns: The project, and whether it is new.
    package func firstProject(at now: WireTime) async throws -> (ProjectID, isNew: Bool) {
        try await pool.write { db in
            if let id = try Int64.fetchOne(db, sql: "SELECT min(id) FROM projects") {
                return (ProjectID(rawValue: id), false)
            }
            try db.execute(
                sql: "INSERT INTO projects (name, created_at) VALUES ('default', ?)",
                arguments: [now.millisecondsSince1970])
            return (ProjectID(rawValue: db.lastInsertedRowID), true)
        }
    }

    /// Reads one of the few facts that outlive a start, such as the address people use.
    package func setting(_ name: String) async throws -> String? {
        try await pool.read { db in
            try String.fetchOne(db, sql: "SELECT value FROM settings WHERE name = ?", arguments: [name])
        }
    }

    /// Keeps such a fact.
    package func setSetting(_ name: String, to value: String) async throws {
        try await pool.write { db in
            try db.execute(
                sql: "INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", arguments: [name, value])
        }
    }
}

extension SecretDigest {
    var data: Data { Data(bytes) }

    init(data: Data) { self.init(bytes: [UInt8](data)) }
}

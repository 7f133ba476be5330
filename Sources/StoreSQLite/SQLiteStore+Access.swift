import GRDB
package import ServerDomain
package import WireProtocol

extension SQLiteStore: KeyRepository {
    package func key(matching digest: SecretDigest) throws -> APIKey? {
        // One statement needs no transaction around it; this runs for every request.
        let found = try pool.unsafeRead { db in
            try db.cachedStatement(sql: Self.selectKey + " WHERE digest = ?")
                .fetchKey(arguments: [digest.data])
        }
        guard let found, found.digest.matches(digest) else { return nil }
        return found
    }

    package func addKey(
        named name: String, digest: SecretDigest, scopes: Set<KeyScope>, to project: ProjectID, at now: WireTime
    ) async throws -> APIKey {
        try await pool.write { db in
            try db.execute(
                sql: "INSERT INTO api_keys (project_id, name, digest, scopes, created_at) VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    project.rawValue, name, digest.data, scopes.map(\.rawValue).sorted().joined(separator: ","),
                    now.millisecondsSince1970,
                ])
            return APIKey(
                id: db.lastInsertedRowID, project: project, name: name, digest: digest, scopes: scopes, createdAt: now)
        }
    }

    package func keys() async throws -> [APIKey] {
        try await pool.read { db in
            try Row.fetchAll(db, sql: Self.selectKey + " ORDER BY id").map(Self.key)
        }
    }

    package func revokeKeys(named nameOrNumber: String, at now: WireTime) async throws -> Int {
        try await pool.write { db in
            try db.execute(
                sql: """
                    UPDATE api_keys SET revoked_at = ?1
                    WHERE revoked_at IS NULL AND (name = ?2 OR CAST(id AS TEXT) = ?2)
                    """, arguments: [now.millisecondsSince1970, nameOrNumber])
            return db.changesCount
        }
    }

    private static let selectKey =
        "SELECT id, project_id, name, digest, scopes, created_at, revoked_at FROM api_keys"

    fileprivate static func key(_ row: Row) -> APIKey {
        let scopes: String = row[4]
        return APIKey(
            id: row[0], project: ProjectID(rawValue: row[1]), name: row[2], digest: SecretDigest(data: row[3]),
            scopes: Set(scopes.split(separator: ",").compactMap { KeyScope(rawValue: String($0)) }),
            createdAt: WireTime(millisecondsSince1970: row[5]),
            revokedAt: (row[6] as Int64?).map(WireTime.init(millisecondsSince1970:)))
    }
}

extension Statement {
    fileprivate func fetchKey(arguments: StatementArguments) throws -> APIKey? {
        try Row.fetchOne(self, arguments: arguments).map(SQLiteStore.key)
    }
}

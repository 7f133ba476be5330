import GRDB
import ServerDomain
import WireProtocol

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The database file: one writing connection that syncs every commit, and readers beside it.
package struct SQLiteStore: Sendable {
    /// How SQLite waits for the disk. `full` is the only one the server uses; the other shows that the tests notice.
    package enum Synchronous: Int, Sendable, Hashable {
        /// Commits without waiting: a power failure may take acknowledged writes.
        case normal = 1
        /// Every commit is on the disk before it returns.
        case full = 2
    }

    package let path: String
    let pool: DatabasePool
    private let file: FileID?

    /// Opens or makes the file, checks that its commits are durable, and brings its tables up to date.
    package init(path: String, synchronous: Synchronous = .full) throws {
        self.path = path
        do {
            try PrivateFile.create(path)
            var configuration = Configuration()
            // The key commands of the same program write beside a running server.
            configuration.busyMode = .timeout(10)
            configuration.label = "store"
            pool = try DatabasePool(path: path, configuration: configuration)
            file = FileID(of: path)
            try Self.makeDurable(pool, synchronous, path: path)
            try Self.migrate(pool, path: path)
        } catch let error as DatabaseError {
            throw Self.explain(error, path: path)
        }
    }

    /// Fails unless the open file is still the one that the next start will find.
    func checkPlace() throws {
        guard FileID(of: path) == file else { throw StoreError.moved(path: path) }
    }

    /// Sets what GRDB's pool lowered, and reads it back: durability rests on it.
    private static func makeDurable(_ pool: DatabasePool, _ wanted: Synchronous, path: String) throws {
        try pool.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA synchronous = \(wanted.rawValue)")
            let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode")
            let found = try Int.fetchOne(db, sql: "PRAGMA synchronous") ?? -1
            guard found == wanted.rawValue, mode == "wal" else {
                throw StoreError.notDurable(path: path, synchronous: found)
            }
        }
    }

    private static func migrate(_ pool: DatabasePool, path: String) throws {
        let migrator = Schema.migrator
        let isNewer = try pool.read { db in
            let isForeign = try db.tableExists("grdb_migrations") == false && Self.hasTables(db)
            if isForeign { throw StoreError.notADatabase(path: path) }
            return try migrator.hasBeenSuperseded(db)
        }
        guard !isNewer else { throw StoreError.newer(path: path) }
        try migrator.migrate(pool)
    }

    private static func hasTables(_ db: Database) throws -> Bool {
        try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM sqlite_master)") ?? false
    }

    private static func explain(_ error: DatabaseError, path: String) -> StoreError {
        switch error.resultCode {
        case .SQLITE_NOTADB, .SQLITE_CORRUPT: .notADatabase(path: path)
        default: .cannotOpen(path: path, reason: error.message ?? "SQLite error \(error.resultCode.rawValue)")
        }
    }
}

/// Which file a path leads to.
private struct FileID: Equatable, Sendable {
    private var device: UInt64
    private var number: UInt64

    /// Nil where there is none.
    init?(of path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        (device, number) = (UInt64(status.st_dev), UInt64(status.st_ino))
    }
}

/// Why a database file cannot be used; each says what a person can do.
package enum StoreError: Error, Sendable, Hashable, CustomStringConvertible {
    case cannotOpen(path: String, reason: String)
    case notADatabase(path: String)
    /// Written by a newer version of the server.
    case newer(path: String)
    /// Another server works on it.
    case inUse(path: String)
    /// Moved, removed or replaced while it was open: what is written would be gone with the next start.
    case moved(path: String)
    /// SQLite did not take the setting that durability rests on.
    case notDurable(path: String, synchronous: Int)

    package var description: String {
        switch self {
        case .cannotOpen(let path, let reason):
            "the database \(path) cannot be opened: \(reason)"
        case .notADatabase(let path):
            "the file \(path) is not a database of clevagent-server, or it is damaged; move it away or restore a backup"
        case .newer(let path):
            "the database \(path) was written by a newer clevagent-server; install that version or a later one"
        case .inUse(let path):
            "the database \(path) is in use by another clevagent-server; stop that one or give --database another path"
        case .moved(let path):
            "the database \(path) was moved, removed or replaced while the server had it open: put it back, or restart the server"
        case .notDurable(let path, let synchronous):
            "the database \(path) runs with synchronous=\(synchronous) instead of FULL; acknowledged writes could be lost"
        }
    }
}

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Makes files that only the server's own user can read.
enum PrivateFile {
    /// Makes an empty file with mode 0600 if there is none; SQLite gives its side files the mode of the main one.
    static func create(_ path: String) throws {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError.cannotOpen(path: path, reason: String(cString: strerror(errno)))
        }
        close(descriptor)
    }
}

/// Keeps a second server away from the same file for as long as this process lives.
package struct StoreLock: ~Copyable {
    private let descriptor: CInt

    /// Takes the lock beside the database.
    ///
    /// A lock file of its own, because SQLite's locks are let go between transactions. The kernel lets go of it when
    /// the process ends in whatever way.
    package init(databasePath: String) throws {
        let path = databasePath + ".lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError.cannotOpen(path: path, reason: String(cString: strerror(errno)))
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            // All is initialized by now, so throwing runs deinit, which closes it.
            throw StoreError.inUse(path: databasePath)
        }
    }

    deinit { close(descriptor) }
}

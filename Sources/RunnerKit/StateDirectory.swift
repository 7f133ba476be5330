import FoundationEssentials
package import Logging
import NIOConcurrencyHelpers
import ServerLink
package import Supervision
package import SystemPackage
package import SystemSupport
import WatcherAPI

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What survives the runner: who it is, its journal, and what watchers remember of their targets.
///
/// A directory of mode 0700 with files of mode 0600, used by one runner at a time. What can't be read is set aside under
/// another name and told; it is never wiped and never a reason to stop.
package actor StateDirectory: WatcherMemory {
    package nonisolated let path: FilePath
    /// For what waits for the disk.
    package nonisolated let executor: EventLoop
    private let logger: Logger
    /// Held open, and with it the lock, until the runner ends.
    private let lock: FileDescriptor
    private nonisolated let troubles = NIOLockedValueBox<Set<String>>([])

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private nonisolated var targets: FilePath { path.appending("targets") }
    /// The file of the journal.
    package nonisolated var journal: FilePath { Self.journal(in: path) }

    static func journal(in path: FilePath) -> FilePath { path.appending("journal") }

    /// Opens the directory, makes it if need be, and takes its lock.
    ///
    /// - Throws: `StateDirectoryError`, in words for the operator.
    package init(at path: FilePath, logger: Logger) throws {
        self.path = path
        do { executor = try EventLoop() } catch { throw StateDirectoryError.unusable(path, error) }
        self.logger = logger
        do {
            try Self.makeDirectory(path)
            try Self.makeDirectory(path.appending("targets"))
        } catch let error as StateDirectoryError {
            throw error
        } catch {
            throw StateDirectoryError.unusable(path, error)
        }
        do {
            lock = try .open(
                path.appending("lock"), .readWrite, options: [.create, .closeOnExec, .noFollow],
                permissions: .ownerReadWrite)
        } catch {
            throw StateDirectoryError.unusable(path, error)
        }
        guard flock(lock.rawValue, LOCK_EX | LOCK_NB) == 0 else {
            // All is initialized by now, so throwing runs deinit, which closes it.
            throw StateDirectoryError.inUse(path)
        }
    }

    deinit {
        try? lock.close()
    }

    // MARK: - Who this runner is

    /// Who a runner is.
    package struct Identity: Sendable, Hashable {
        package var id: String
        /// The directory is a copy of another machine's.
        package var isCopy: Bool
    }

    /// As it is written down.
    private struct IdentityFile: Codable {
        var id: String
        var machine: String
    }

    /// The runner's id: made once; made anew when the directory was copied to another machine. To be asked for once.
    package func identity(machine: String) -> Identity {
        let file = path.appending("runner.json")
        var isCopy = false
        if let known: IdentityFile = load(file) {
            if UUID(uuidString: known.id) == nil {
                setAside(file)
            } else if known.machine == machine {
                return Identity(id: known.id, isCopy: false)
            } else {
                isCopy = true
                logger.warning(
                    "The state directory comes from another machine; this runner gets an id of its own, and leaves to the other what that has in hand"
                )
            }
        } else if access(journal.string, F_OK) == 0 {
            logger.warning("The state directory has a journal and no id of a runner; this runner gets a new one")
        }
        let fresh = IdentityFile(id: UUID().uuidString.lowercased(), machine: machine)
        save(fresh, to: file)
        return Identity(id: fresh.id, isCopy: isCopy)
    }

    // MARK: - Targets

    package func load(_ target: TargetID) -> [UInt8]? {
        do {
            return try DurableFile.read(file(of: target, "note"))
        } catch {
            unreadable(file(of: target, "note"), error)
            return nil
        }
    }

    package nonisolated func attachment(of target: TargetID) -> [UInt8]? {
        let file = file(of: target, "attachment")
        do {
            let bytes = try DurableFile.read(file)
            _ = troubles.withLockedValue { $0.remove(file.string) }
            return bytes
        } catch {
            complain("A state file can't be read", file, error)
            return nil
        }
    }

    package func save(_ note: [UInt8], attachment: [UInt8]?, for target: TargetID) throws {
        if let attachment { try replace(file(of: target, "attachment"), with: attachment) }
        try replace(file(of: target, "note"), with: note)
    }

    private func replace(_ file: FilePath, with bytes: [UInt8]) throws {
        do {
            try DurableFile.replace(file, with: bytes)
        } catch {
            throw StateFileError(file: file, cause: error)
        }
    }

    private nonisolated func file(of target: TargetID, _ suffix: String) -> FilePath {
        targets.appending(target.fileName(suffix))
    }

    // MARK: - Files

    /// Makes a directory of mode 0700, and those above it that are missing; one that is there must be this user's own.
    private static func makeDirectory(_ path: FilePath) throws {
        try makeParents(of: path)
        if mkdir(path.string, 0o700) == 0 { return }
        guard errno == EEXIST else { throw Errno(rawValue: errno) }
        var facts = stat()
        guard stat(path.string, &facts) == 0 else { throw Errno(rawValue: errno) }
        guard facts.st_mode & S_IFMT == S_IFDIR else { throw Errno.notDirectory }
        // Recipes in it are run as this user: nobody else may have written them.
        guard facts.st_uid == geteuid(), facts.st_mode & 0o022 == 0 else { throw Errno.notPermitted }
        guard access(path.string, R_OK | W_OK | X_OK) == 0 else { throw Errno(rawValue: errno) }
        guard facts.st_mode & 0o077 == 0 || chmod(path.string, 0o700) == 0 else { throw Errno(rawValue: errno) }
    }

    /// Makes the directories above a path, and leaves those that are there as they are.
    private static func makeParents(of path: FilePath) throws {
        let parent = path.removingLastComponent()
        guard parent != path, !parent.components.isEmpty, access(parent.string, F_OK) != 0 else { return }
        try makeParents(of: parent)
        guard mkdir(parent.string, 0o755) == 0 || errno == EEXIST else { throw Errno(rawValue: errno) }
    }

    private static func encode(_ value: some Encodable) throws -> [UInt8] {
        try [UInt8](JSONEncoder().encode(value))
    }

    private func load<Value: Decodable>(_ file: FilePath) -> Value? {
        do {
            guard let bytes = try DurableFile.read(file) else { return nil }
            if let value = try? JSONDecoder().decode(Value.self, from: Data(bytes)) { return value }
            setAside(file)
        } catch {
            unreadable(file, error)
        }
        return nil
    }

    private func save(_ value: some Encodable, to file: FilePath) {
        do {
            try DurableFile.replace(file, with: try Self.encode(value))
            _ = troubles.withLockedValue { $0.remove(file.string) }
        } catch {
            complain("A state file can't be written; the runner goes on from memory", file, error)
        }
    }

    /// Says that a file can't be read, and keeps it from being written over where that will not pass by itself.
    private func unreadable(_ file: FilePath, _ error: any Error) {
        complain("A state file can't be read", file, error)
        switch error as? Errno {
        case .permissionDenied, .tooManySymbolicLinkLevels, .isDirectory, .fileTooLarge, .invalidArgument:
            setAside(file)
        default: break
        }
    }

    /// Keeps what can't be understood, under another name.
    private func setAside(_ file: FilePath) {
        let kept = DurableFile.setAside(file)
        logger.warning(
            "A state file is not as this version writes it; it was set aside",
            metadata: ["file": "\(file)", "kept.as": "\(kept ?? "nothing")"])
    }

    /// Says once per file that something is wrong with it.
    private nonisolated func complain(_ message: Logger.Message, _ file: FilePath, _ error: any Error) {
        guard troubles.withLockedValue({ $0.insert(file.string).inserted }) else { return }
        logger.warning(message, metadata: ["file": "\(file)", "error": "\(error)"])
    }
}

/// Why a file of the state directory can't be written, as a person may be told it.
package struct StateFileError: Error, CustomStringConvertible {
    package var file: FilePath
    package var cause: any Error

    package var description: String { "\(file) can't be written: \(cause)" }
}

/// Why a state directory can't be used.
package enum StateDirectoryError: Error, CustomStringConvertible {
    case unusable(FilePath, any Error)
    case inUse(FilePath)
    case foreign(FilePath, owner: UInt32)
    case writableByOthers(FilePath)

    package var description: String {
        switch self {
        case .unusable(let path, let error):
            "the state directory \(path) can't be used: \(error); it must be a directory that belongs to this user, and "
                + "that nobody else can write to"
        case .inUse(let path):
            "another runner uses the state directory \(path): end it, or give this one its own with --state-dir"
        case .foreign(let path, let owner):
            "the state directory \(path) belongs to another user (uid \(owner)): give this one its own with --state-dir"
        case .writableByOthers(let path):
            "the state directory \(path) can be written by others: chmod 700 it"
        }
    }
}

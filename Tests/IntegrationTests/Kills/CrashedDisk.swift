import FoundationEssentials
import Supervision

/// What is on the disk after a power cut: what was written and waited for, and of the rest what luck leaves.
///
/// A name is on the disk when its directory was synced after it was given, bytes when their file was after they were
/// written; a directory entry that is never synced may be lost although the file was.
struct CrashedDisk {
    enum Loss: Sendable, Hashable {
        /// Whatever was not synced, names and bytes.
        case everything
        /// Bytes that were not synced; names are there already.
        case bytes
        /// Some of it: names up to one that the seed says, and any of the writes, each of which may be cut short.
        case some(seed: UInt64)
    }

    private struct Write {
        var time: Int
        var offset: Int
        /// Nil for a file that is cut off there.
        var bytes: ArraySlice<UInt8>?
    }

    private struct File {
        var bytes: [UInt8] = []
        var unsynced: [Write] = []
    }

    private enum Naming {
        case file(String, Int)
        case directory(String)
        case rename(String, to: String)
        case removal(String)

        /// Whose entries change.
        var directory: String {
            switch self {
            case .file(let path, _), .directory(let path), .rename(let path, _), .removal(let path): parent(of: path)
            }
        }
    }

    private struct Names {
        var files: [String: Int] = [:]
        var directories: Set<String> = []

        mutating func apply(_ naming: Naming) {
            switch naming {
            case .file(let path, let file): files[path] = file
            case .directory(let path): directories.insert(path)
            case .rename(let path, let other): files[other] = files.removeValue(forKey: path)
            case .removal(let path): files[path] = nil
            }
        }
    }

    private let root: String
    private var files: [Int: File] = [:]
    /// As the program sees them.
    private var names = Names()
    private var syncedNames = Names()
    private var unsyncedNames: [(time: Int, naming: Naming)] = []
    /// When waiting for the disk began, for each path.
    private var waiting: [String: [Int]] = [:]
    private var time = 0

    /// Replays a trace.
    ///
    /// - Parameters:
    ///   - root: the directory.
    ///   - initial: the files that were there, safe on the disk.
    init(_ trace: CrashTrace, root: String, initial: [String: [UInt8]] = [:]) {
        self.root = root
        for (path, bytes) in initial {
            names.files[path] = files.count
            files[files.count] = File(bytes: bytes)
        }
        names.directories.insert(root)
        syncedNames = names
        for step in trace.steps { apply(step) }
    }

    private mutating func apply(_ step: CrashTrace.Step) {
        time += 1
        switch step.call {
        case "create", "open":
            if names.files[step.path] == nil {
                name(.file(step.path, files.count))
                files[files.count] = File()
            } else if step.call == "create" {
                write(nil, at: 0, step.path)
            }
        case "mkdir": name(.directory(step.path))
        case "rename": name(.rename(step.path, to: step.text))
        case "unlink": name(.removal(step.path))
        case "write", "writev", "pwrite": write(step.bytes, at: step.offset, step.path)
        case "ftruncate": write(nil, at: step.offset, step.path)
        case "begin": waiting[step.path, default: []].append(time)
        case "fsync", "fdatasync": sync(step.path)
        default: break
        }
    }

    private mutating func name(_ naming: Naming) {
        names.apply(naming)
        unsyncedNames.append((time, naming))
    }

    private mutating func write(_ bytes: ArraySlice<UInt8>?, at offset: Int, _ path: String) {
        guard let file = names.files[path] else { return }
        files[file]?.unsynced.append(Write(time: time, offset: offset, bytes: bytes))
    }

    /// What came after the wait began is not covered; of two that wait at once, the first is taken to be over first.
    private mutating func sync(_ path: String) {
        guard let began = waiting[path]?.first else { return }
        waiting[path]?.removeFirst()
        if names.directories.contains(path) {
            let (done, left) = (
                unsyncedNames.filter { $0.time < began && $0.naming.directory == path },
                unsyncedNames.filter { $0.time >= began || $0.naming.directory != path }
            )
            for (_, naming) in done { syncedNames.apply(naming) }
            unsyncedNames = left
        } else if let id = names.files[path], var file = files.removeValue(forKey: id) {
            let covered = file.unsynced.prefix { $0.time < began }
            for write in covered { Self.apply(write, to: &file.bytes) }
            file.unsynced.removeFirst(covered.count)
            files[id] = file
        }
    }

    private static func apply(_ write: Write, to bytes: inout [UInt8]) {
        guard let written = write.bytes else {
            bytes = Array(bytes.prefix(write.offset)) + Array(repeating: 0, count: max(0, write.offset - bytes.count))
            return
        }
        let end = write.offset + written.count
        if bytes.count < end { bytes += Array(repeating: 0, count: end - bytes.count) }
        bytes.replaceSubrange(write.offset..<end, with: written)
    }

    // MARK: - What is left

    /// The files and what is in them.
    func files(without loss: Loss) -> [String: [UInt8]] {
        contents(loss).files
    }

    /// Leaves in the directory what is left on the disk.
    func put(without loss: Loss) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: root) {
            try FileManager.default.removeItem(atPath: root + "/" + name)
        }
        let (directories, files) = contents(loss)
        for path in directories.sorted() where path != root {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        }
        for (path, bytes) in files {
            try Data(bytes).write(to: URL(filePath: path))
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        }
    }

    private func contents(_ loss: Loss) -> (directories: Set<String>, files: [String: [UInt8]]) {
        var names = syncedNames
        var luck = Luck(loss)
        for (_, naming) in unsyncedNames.prefix(luck.length(of: unsyncedNames.count)) { names.apply(naming) }
        var contents: [String: [UInt8]] = [:]
        for (path, id) in names.files.sorted(by: { $0.key < $1.key }) where isReachable(path, names) {
            guard let file = files[id] else { continue }
            var bytes = file.bytes
            for write in file.unsynced {
                if let kept = luck.kept(of: write) { Self.apply(kept, to: &bytes) }
            }
            contents[path] = bytes
        }
        return (names.directories.filter { isReachable($0, names) }, contents)
    }

    private func isReachable(_ path: String, _ names: Names) -> Bool {
        path == root || (names.directories.contains(Self.parent(of: path)) && isReachable(Self.parent(of: path), names))
    }

    private static func parent(of path: String) -> String {
        path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    }

    /// Says what becomes of what was not synced.
    private struct Luck {
        private static let sector = 512
        private let loss: Loss
        private var random: SplitMix64

        init(_ loss: Loss) {
            self.loss = loss
            random = if case .some(let seed) = loss { SplitMix64(seed: seed) } else { SplitMix64(seed: 0) }
        }

        /// How many of so many namings are kept, from the first on: journals of file systems keep their order.
        mutating func length(of count: Int) -> Int {
            switch loss {
            case .everything: 0
            case .bytes: count
            case .some: Int(random.next() % UInt64(count + 1))
            }
        }

        /// Disks write whole sectors.
        mutating func kept(of write: Write) -> Write? {
            guard case .some = loss, random.next() % 2 == 0 else { return nil }
            guard let bytes = write.bytes, random.next() % 2 == 0 else { return write }
            let end = (write.offset + Int(random.next() % UInt64(bytes.count + 1))) / Self.sector * Self.sector
            guard end > write.offset else { return nil }
            return Write(time: write.time, offset: write.offset, bytes: bytes.prefix(end - write.offset))
        }
    }
}

import FoundationEssentials
package import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Small files that are either as they were or as they were meant to be, also after a power cut; readable by this user
/// alone.
package enum DurableFile {
    /// The whole content.
    ///
    /// - Returns: nil when there is no such file.
    /// - Throws: `Errno`, also for a file larger than `limit` bytes (EFBIG), for a symbolic link (ELOOP), and for what is no
    ///   regular file (EINVAL).
    package static func read(_ path: FilePath, limit: Int = 8 << 20) throws -> [UInt8]? {
        let file: FileDescriptor
        do {
            file = try .open(path, .readOnly, options: [.closeOnExec, .noFollow, .nonBlocking])
        } catch Errno.noSuchFileOrDirectory {
            return nil
        }
        return try file.closeAfter {
            var status = stat()
            guard fstat(file.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
            // A FIFO would look empty.
            guard status.st_mode & S_IFMT == S_IFREG || status.st_mode & S_IFMT == S_IFDIR else {
                throw Errno.invalidArgument
            }
            return try file.readAll(limit: limit)
        }
    }

    /// Replaces the content: written beside, fsync(2), rename(2), fsync of the directory.
    package static func replace(_ path: FilePath, with content: [UInt8]) throws {
        let draft = FilePath("\(path.string).new")
        let file = try FileDescriptor.open(
            draft, .writeOnly, options: [.create, .truncate, .closeOnExec, .noFollow], permissions: .ownerReadWrite)
        do {
            try file.closeAfter {
                try file.writeAll(content)
                try sync(file)
            }
        } catch {
            // Half of it would take room on a full disk.
            unlink(draft.string)
            throw error
        }
        guard rename(draft.string, path.string) == 0 else {
            let error = Errno(rawValue: errno)
            unlink(draft.string)
            throw error
        }
        try syncDirectory(path.removingLastComponent())
    }

    /// Keeps a file that can't be understood under another name.
    ///
    /// - Returns: that name; nil when it can't be kept.
    package static func setAside(_ path: FilePath) -> String? {
        let other = "\(path.string).unreadable-\(UUID().uuidString.prefix(8))"
        return rename(path.string, other) == 0 ? other : nil
    }

    /// Makes renames and new files in a directory last.
    package static func syncDirectory(_ path: FilePath) throws {
        let directory = try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .directory])
        try directory.closeAfter { try sync(directory) }
    }

    /// fsync(2).
    package static func sync(_ file: FileDescriptor) throws {
        guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
    }
}

import Glibc
package import SystemPackage

/// What stat(2) tells of a file.
package struct FileStatus: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case regular, directory, symbolicLink, other
    }

    package var file: FileID
    package var kind: Kind
    /// The permission bits with setuid, setgid and sticky.
    package var permissions: UInt32
    package var owner: UInt32
    package var size: Int64
    package var modified: WallTime
    package var changed: WallTime

    package init(
        file: FileID, kind: Kind, permissions: UInt32, owner: UInt32, size: Int64, modified: WallTime, changed: WallTime
    ) {
        self.file = file
        self.kind = kind
        self.permissions = permissions
        self.owner = owner
        self.size = size
        self.modified = modified
        self.changed = changed
    }

    init(_ status: stat) {
        self.init(
            file: FileID(device: UInt64(status.st_dev), inode: UInt64(status.st_ino)),
            kind: Kind(mode: status.st_mode), permissions: status.st_mode & 0o7777, owner: status.st_uid,
            size: Int64(status.st_size), modified: WallTime(sinceEpoch: Duration(status.st_mtim)),
            changed: WallTime(sinceEpoch: Duration(status.st_ctim)))
    }

    /// lstat(2): of a link itself.
    package static func ofLink(_ path: FilePath) throws(Errno) -> FileStatus {
        var status = stat()
        guard path.withPlatformString({ lstat($0, &status) }) == 0 else { throw Errno(rawValue: errno) }
        return FileStatus(status)
    }

    /// stat(2), following links.
    package static func of(_ path: FilePath) throws(Errno) -> FileStatus {
        var status = stat()
        guard path.withPlatformString({ stat($0, &status) }) == 0 else { throw Errno(rawValue: errno) }
        return FileStatus(status)
    }
}

/// What makes a file the same file while it exists.
package struct FileID: Sendable, Hashable, Codable {
    package var device: UInt64
    package var inode: UInt64

    package init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }
}

extension FileStatus.Kind {
    fileprivate init(mode: mode_t) {
        self =
            switch mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            default: .other
            }
    }
}

import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The file of a Unix socket (unix(7)).
enum SocketFile {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// Makes room for a socket: removes one that nobody listens on any more.
    ///
    /// - Throws: when somebody does, when there is something else, or when the directory is not to be had.
    static func clear(_ path: FilePath) throws {
        guard path.string.utf8.count < capacity else {
            throw Failure(description: "the path is longer than the \(capacity - 1) bytes that a socket's may have")
        }
        let parent = path.removingLastComponent().string
        guard mkdir(parent, 0o755) == 0 || errno == EEXIST else { throw Errno(rawValue: errno) }
        var facts = stat()
        guard lstat(path.string, &facts) == 0 else {
            if errno == ENOENT { return }
            throw Errno(rawValue: errno)
        }
        guard facts.st_mode & S_IFMT == S_IFSOCK else {
            throw Failure(description: "there is a file that is no socket")
        }
        guard try !isListenedOn(path) else {
            throw Failure(
                description: "another runner listens on it; give this one its own with --control-socket, or 'off'")
        }
        guard unlink(path.string) == 0 || errno == ENOENT else { throw Errno(rawValue: errno) }
    }

    /// Lets a group connect, beside the owner; without a group, nobody else.
    static func open(_ path: FilePath, to group: UInt32?) throws(Errno) {
        if let group {
            guard lchown(path.string, uid_t.max, group) == 0 else { throw Errno(rawValue: errno) }
        }
        guard chmod(path.string, group == nil ? 0o600 : 0o660) == 0 else { throw Errno(rawValue: errno) }
    }

    private static var capacity: Int { MemoryLayout.size(ofValue: sockaddr_un().sun_path) }

    private static func isListenedOn(_ path: FilePath) throws -> Bool {
        #if os(Linux)
            let kind = Int32(SOCK_STREAM.rawValue)
        #else
            let kind = SOCK_STREAM
        #endif
        let probe = socket(AF_UNIX, kind, 0)
        guard probe >= 0 else { throw Errno(rawValue: errno) }
        defer { try? FileDescriptor(rawValue: probe).close() }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.string.utf8) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(probe, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        return result == 0 || errno == EAGAIN
    }
}

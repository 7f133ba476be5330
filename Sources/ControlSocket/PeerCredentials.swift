import NIOCore
import SystemSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Who is at the other end of a connection, as the kernel knows it from when it was made (unix(7), SO_PEERCRED).
struct PeerCredentials: Sendable, Hashable {
    var user: UInt32
    var group: UInt32
    var process: Int32?

    /// Whether this user is in a group: by the process's own, or by the user database.
    func isIn(group wanted: UInt32) -> Bool {
        group == wanted || Account.of(user: user)?.ids.groups.contains(wanted) == true
    }
}

extension PeerCredentials {
    /// Asks the kernel about a connection.
    ///
    /// - Throws: when it is no connection of this host, or is gone.
    static func of(_ channel: any Channel) async throws -> PeerCredentials {
        guard let options = channel as? any SocketOptionProvider else { throw ChannelError.operationUnsupported }
        #if os(Linux)
            let peer: Credentials = try await options.unsafeGetSocketOption(
                level: .socket, name: .init(rawValue: SO_PEERCRED)
            ).get()
            return PeerCredentials(user: peer.user, group: peer.group, process: peer.process)
        #else
            // xucred of <sys/ucred.h>, asked for at the level SOL_LOCAL (unix(4)).
            let peer: xucred = try await options.unsafeGetSocketOption(
                level: .init(rawValue: 0), name: .init(rawValue: LOCAL_PEERCRED)
            ).get()
            return PeerCredentials(user: peer.cr_uid, group: peer.cr_groups.0, process: nil)
        #endif
    }
}

/// `struct ucred` (unix(7)), which Swift does not see: glibc keeps it for _GNU_SOURCE.
private struct Credentials {
    var process: pid_t
    var user: uid_t
    var group: gid_t
}

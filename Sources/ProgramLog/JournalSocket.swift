import NIOCore
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The way to journald.
final class JournalSocket: Sendable {
    private let descriptor: CInt
    private let address: SocketAddress

    /// - Parameter path: where journald listens; nobody may be there yet.
    init?(_ path: FilePath) {
        guard let address = try? SocketAddress(unixDomainSocketPath: path.string) else { return nil }
        descriptor = socket(AF_UNIX, datagram, 0)
        guard descriptor >= 0 else { return nil }
        self.address = address
    }

    deinit { close(descriptor) }

    /// Sends one message; waits while journald has too many to read.
    ///
    /// - Throws: `ENOENT` or `ECONNREFUSED` when nobody is there, `EMSGSIZE` or `ENOBUFS` when it is too large (unix(7)).
    func send(_ message: [UInt8]) throws(Errno) {
        // Not connected once and for all: after a restart of journald there may be another socket of that name.
        while address.withSockAddr({ sendto(descriptor, message, message.count, 0, $0, socklen_t($1)) }) < 0 {
            guard errno == EINTR else { throw Errno(rawValue: errno) }
        }
    }
}

#if os(Linux)
    private let datagram = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
#else
    private let datagram = SOCK_DGRAM
#endif

import Glibc

/// Keeps a loopback port from being given to anybody else while nobody listens on it.
///
/// A bound socket that does not listen refuses connections, and the kernel hands out no port that is bound
/// (socket(7), SO_REUSEPORT; ip(7)).
final class PortReservation: Sendable {
    let port: Int
    private let descriptor: Int32

    /// Binds a free port.
    init() throws {
        let descriptor = try Self.boundSocket(port: 0)
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard result == 0 else {
            let error = errno
            close(descriptor)
            throw ChildProcessError(program: "getsockname", errno: error)
        }
        self.descriptor = descriptor
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { close(descriptor) }

    /// Makes another socket with the same port, to listen on.
    func makeListener() throws -> Int32 {
        try Self.boundSocket(port: port)
    }

    private static func boundSocket(port: Int) throws -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_INET, type, 0)
        guard descriptor >= 0 else { throw ChildProcessError(program: "socket", errno: errno) }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &yes, socklen_t(MemoryLayout<Int32>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(clamping: port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let error = errno
            close(descriptor)
            throw ChildProcessError(program: "bind", errno: error)
        }
        return descriptor
    }
}

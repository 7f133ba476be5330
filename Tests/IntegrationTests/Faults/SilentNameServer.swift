import SystemPackage
import SystemSupport

#if canImport(Glibc)
    import Glibc
#endif

/// A name server on an address of this host alone that takes questions and answers none.
struct SilentNameServer: Sendable {
    let address: String
    private let socket: OwnedDescriptor

    init() throws {
        // Each has its own of the host's sixteen million.
        let numbers = (0..<3).map { _ in UInt8.random(in: 1...254) }
        address = "127." + numbers.map { "\($0)" }.joined(separator: ".")
        socket = try OwnedDescriptor(
            checking: Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0))
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = UInt16(53).bigEndian
        inet_pton(AF_INET, address, &place.sin_addr)
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafePointer(to: &place) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket.rawValue, $0, length) }
        }
        guard result == 0 else { throw Errno(rawValue: errno) }
    }
}

import Glibc
import SystemPackage
import SystemSupport

/// Asks the engine at its socket whether it is there, without waiting: a silent engine is not told by a silent stream.
///
/// It only makes a doubt, which the client then settles. What was asked in one round has its answer by the next.
struct EnginePing: ~Copyable {
    private static let request = "GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n"
    private static let standardSocket = "/var/run/docker.sock"

    private let socket: String?
    private var connection: Int32?

    /// - Parameters:
    ///   - program: the client; only Docker's has an engine.
    ///   - environment: the client's. An engine elsewhere, or one of a context, is not asked.
    init(program: String, environment: [String: String]) {
        let isDocker = FilePath(program).lastComponent?.string == "docker"
        socket =
            switch environment["DOCKER_HOST"] {
            case let host? where host.hasPrefix("unix:///"): String(host.dropFirst("unix://".count))
            case .some: nil
            case nil: isDocker && environment["DOCKER_CONTEXT"] == nil ? Self.standardSocket : nil
            }
    }

    deinit { if let connection { close(connection) } }

    /// Asks anew.
    ///
    /// - Returns: false when what was asked in the round before has no answer yet.
    mutating func round() -> Bool {
        let isAnswered = takeAnswer()
        ask()
        return isAnswered
    }

    /// Forgets what was asked.
    mutating func forget() {
        if let connection { close(connection) }
        connection = nil
    }

    private mutating func takeAnswer() -> Bool {
        guard let connection else { return true }
        defer { forget() }
        var byte: UInt8 = 0
        // An end or an error is an answer, too: the stream of events ends with it.
        return recv(connection, &byte, 1, Int32(MSG_DONTWAIT)) >= 0 || errno != EAGAIN
    }

    private mutating func ask() {
        guard let socket, var address = Self.address(of: socket) else { return }
        let descriptor = Glibc.socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { return }
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        let request = Array(Self.request.utf8)
        guard connected == 0, send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count
        else {
            close(descriptor)
            return
        }
        connection = descriptor
    }

    /// - Returns: nil for a path that is too long (unix(7)).
    private static func address(of path: String) -> sockaddr_un? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let fits = withUnsafeMutableBytes(of: &address.sun_path) { place in
            guard bytes.count < place.count else { return false }
            place.copyBytes(from: bytes)
            return true
        }
        return fits ? address : nil
    }
}

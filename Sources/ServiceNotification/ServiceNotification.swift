package import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Tells the service manager how this program is: one datagram to its socket, as sd_notify(3) lays down for those who do
/// not use libsystemd.
package struct ServiceNotification: Sendable {
    /// What can be told; several at once are told together.
    package enum State: Sendable, Hashable {
        /// All is up: what is ordered after this service may start.
        case ready
        /// What `systemctl status` shows.
        case status(String)
        /// Every part is alive: the watchdog waits anew.
        case watchdog
        case stopping
    }

    /// How long the manager waits for `watchdog`; nil when it does not (sd_watchdog_enabled(3)).
    package let watchdog: Duration?
    /// The name of the manager's socket; one that begins with NUL is abstract (unix(7)).
    private let name: [CChar]

    /// Where the manager of this service listens; nil without one, or where it is no socket of this host's own.
    ///
    /// - Parameters:
    ///   - environment: `NOTIFY_SOCKET`, an absolute path or `@` and an abstract name; `WATCHDOG_USEC`, microseconds, and
    ///     `WATCHDOG_PID`, whom it is for.
    ///   - processID: this program's own.
    package init?(environment: [String: String], processID: Int32) {
        guard let socket = environment["NOTIFY_SOCKET"], socket.utf8.count > 1 else { return nil }
        guard socket.hasPrefix("/") || socket.hasPrefix("@") else { return nil }
        let name = socket.utf8.map { CChar(bitPattern: $0) }
        guard name.count < MemoryLayout.size(ofValue: sockaddr_un().sun_path) else { return nil }
        self.name = socket.hasPrefix("@") ? [0] + name.dropFirst() : name
        let isForUs = environment["WATCHDOG_PID"].map { $0 == "\(processID)" } ?? true
        let interval = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
        watchdog = isForUs && interval > 0 ? .microseconds(interval) : nil
    }

    /// Tells the manager. A manager that does not keep up is not waited for.
    ///
    /// - Throws: `EAGAIN` when its queue is full, `ENOENT` or `ECONNREFUSED` when it is gone (unix(7)).
    package func send(_ states: [State]) throws(Errno) {
        let descriptor = socket(AF_UNIX, datagram, 0)
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { path in
            name.withUnsafeBytes { path.copyMemory(from: $0) }
        }
        let length = socklen_t(MemoryLayout.offset(of: \sockaddr_un.sun_path) ?? 0) + socklen_t(name.count)
        let message = Array(states.map(\.line).joined(separator: "\n").utf8)
        let sent = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, message, message.count, withoutWaiting, $0, length)
            }
        }
        guard sent >= 0 else { throw Errno(rawValue: errno) }
    }
}

extension ServiceNotification.State {
    fileprivate var line: String {
        switch self {
        case .ready: "READY=1"
        case .status(let text): "STATUS=\(text.replacing("\n", with: " "))"
        case .watchdog: "WATCHDOG=1"
        case .stopping: "STOPPING=1"
        }
    }
}

#if os(Linux)
    private let datagram = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
    private let withoutWaiting = Int32(MSG_DONTWAIT)
#else
    private let datagram = SOCK_DGRAM
    private let withoutWaiting = MSG_DONTWAIT
#endif

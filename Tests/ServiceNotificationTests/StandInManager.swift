import Dispatch
import Glibc
import SystemPackage

/// A socket that hears what a service manager would.
final class StandInManager: Sendable {
    private let descriptor: Int32
    private let path: String?
    let environment: [String: String]

    init(isAbstract: Bool = false) throws(Errno) {
        let name = "/tmp/clevagent-manager-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        path = isAbstract ? nil : name
        environment = ["NOTIFY_SOCKET": isAbstract ? "@\(name)" : name, "WATCHDOG_USEC": "60000000"]
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = (isAbstract ? [0] : []) + Array(name.utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let result = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        guard result == 0 else { throw Errno(rawValue: errno) }
    }

    deinit {
        close(descriptor)
        if let path { unlink(path) }
    }

    /// Waits for the next datagram.
    func receive() async -> String {
        await withCheckedContinuation { continuation in
            // Not on the pool's threads: there are only so many, and what we wait for needs one.
            DispatchQueue.global().async { [descriptor] in
                var buffer = [UInt8](repeating: 0, count: 4096)
                let count = recv(descriptor, &buffer, buffer.count, 0)
                continuation.resume(returning: String(decoding: buffer.prefix(max(0, count)), as: UTF8.self))
            }
        }
    }

    /// What has come and was not received, without waiting.
    var hasMore: Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT) | Int32(MSG_PEEK)) >= 0
    }
}

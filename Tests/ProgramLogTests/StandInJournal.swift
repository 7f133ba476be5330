import Dispatch
import Glibc
import SystemPackage
import Testing

/// A socket that hears what journald would.
final class StandInJournal: Sendable {
    typealias Entry = [String: String]

    let path: FilePath
    private let descriptor: Int32

    /// A path where nobody listens yet.
    static func place() -> FilePath { FilePath("/tmp/clevagent-journal-\(getpid())-\(UInt64.random(in: 0 ... .max))") }

    init(at path: FilePath = StandInJournal.place()) throws {
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.string.utf8) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        try #require(result == 0)
    }

    deinit {
        close(descriptor)
        unlink(path.string)
    }

    /// The entries that come, until one of which `isLast` holds.
    func entries(until isLast: @escaping @Sendable (Entry) -> Bool) async -> [Entry] {
        await withCheckedContinuation { continuation in
            // Not on the pool's threads: there are only so many, and what we wait for needs one.
            DispatchQueue(label: "journal").async { [descriptor] in
                var entries: [Entry] = []
                var buffer = [UInt8](repeating: 0, count: 1 << 20)
                repeat {
                    let count = recv(descriptor, &buffer, buffer.count, 0)
                    guard count > 0 else { break }
                    entries.append(Self.read(buffer[..<count]))
                } while entries.last.map(isLast) == false
                continuation.resume(returning: entries)
            }
        }
    }

    /// What a datagram says; of fields that are none, nothing.
    private static func read(_ bytes: ArraySlice<UInt8>) -> Entry {
        var entry: Entry = [:]
        var rest = bytes
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let line = rest[..<end]
            rest = rest[(end + 1)...]
            if let sign = line.firstIndex(of: UInt8(ascii: "=")) {
                entry[text(line[..<sign])] = text(line[(sign + 1)...])
            } else {
                let length = rest.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
                entry[text(line)] = text(rest.dropFirst(8).prefix(length))
                rest = rest.dropFirst(8 + length + 1)
            }
        }
        return entry
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}

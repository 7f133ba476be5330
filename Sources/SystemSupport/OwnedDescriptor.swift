import CPlatformShims
import Glibc
package import SystemPackage

/// A file descriptor that one place owns and that is closed with it.
package final class OwnedDescriptor: Sendable {
    package let rawValue: Int32

    /// Takes over a descriptor that nobody else closes.
    package init(owning rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Takes over what a system call returned.
    package convenience init(checking rawValue: Int32) throws(Errno) {
        guard rawValue >= 0 else { throw Errno(rawValue: errno) }
        self.init(owning: rawValue)
    }

    deinit { close(rawValue) }

    /// open(2).
    package static func open(_ path: FilePath, _ flags: Int32, mode: UInt32 = 0) throws(Errno) -> OwnedDescriptor {
        try OwnedDescriptor(checking: path.withPlatformString { Glibc.open($0, flags, mode) })
    }

    /// A pipe for a child's output: reading from it does not block (pipe(7)).
    package static func pipe() throws(Errno) -> (reading: OwnedDescriptor, writing: OwnedDescriptor) {
        var ends: [Int32] = [-1, -1]
        let result = clevagent_pipe(&ends)
        guard result == 0 else { throw Errno(rawValue: -result) }
        return (OwnedDescriptor(owning: ends[0]), OwnedDescriptor(owning: ends[1]))
    }

    /// Reads from here to the end.
    ///
    /// - Throws: `Errno.fileTooLarge` when there is more than `limit` bytes.
    package func readAll(limit: Int) throws(Errno) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: min(limit + 1, 16384))
        while true {
            let count = chunk.withUnsafeMutableBytes { Glibc.read(rawValue, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw Errno(rawValue: errno)
            }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk.prefix(count))
            guard bytes.count <= limit else { throw .fileTooLarge }
        }
    }

    /// Reads from here to the end, and no more than that.
    package func read(atMost limit: Int) throws(Errno) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: limit)
        var count = 0
        while count < limit {
            let result = bytes[count...].withUnsafeMutableBytes { Glibc.read(rawValue, $0.baseAddress, $0.count) }
            if result == 0 { break }
            if result < 0, errno == EINTR { continue }
            guard result > 0 else { throw Errno(rawValue: errno) }
            count += result
        }
        return Array(bytes.prefix(count))
    }

    /// Writes all of it.
    package func writeAll(_ bytes: [UInt8]) throws(Errno) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(rawValue, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw Errno(rawValue: errno)
            }
            rest = rest.dropFirst(count)
        }
    }

    /// fstat(2).
    package func status() throws(Errno) -> FileStatus {
        var status = stat()
        guard fstat(rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
        return FileStatus(status)
    }

    /// Returns when there is something to read, or the end. Not cancellable.
    package func readable(on loop: EventLoop) async throws(Errno) {
        let (events, continuation) = AsyncStream.makeStream(of: Void.self)
        let registration = try loop.watch(rawValue, of: self) { continuation.finish() }
        for await _ in events {}
        registration.cancel()
    }
}

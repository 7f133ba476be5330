import CPlatformShims
package import Dispatch
import Glibc
package import SystemPackage

/// A file descriptor that one place owns and that is closed with it.
package final class OwnedDescriptor: Sendable {
    package let rawValue: Int32

    /// Takes over a descriptor that nobody else closes.
    package init(owning rawValue: Int32) {
        self.rawValue = rawValue
    }

    deinit { close(rawValue) }

    /// open(2).
    package static func open(_ path: FilePath, _ flags: Int32, mode: UInt32 = 0) throws(Errno) -> OwnedDescriptor {
        let fd = path.withPlatformString { Glibc.open($0, flags, mode) }
        guard fd >= 0 else { throw Errno(rawValue: errno) }
        return OwnedDescriptor(owning: fd)
    }

    /// Reads from here to the end.
    ///
    /// - Throws: `Errno.fileTooLarge` when there is more than `limit` bytes.
    package func readAll(limit: Int) throws(Errno) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: min(limit + 1, 16384))
        while true {
            let count = chunk.withUnsafeMutableBytes { read(rawValue, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw Errno(rawValue: errno)
            }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk.prefix(count))
            guard bytes.count <= limit else { throw .fileTooLarge }
        }
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

    /// An epoll descriptor that is readable when this one is, or when its other end is gone (epoll(7)).
    ///
    /// For dispatch sources on what can hang up, such as a pipe: when epoll reports EPOLLHUP, which cannot be masked,
    /// libdispatch frees its note of the descriptor and reads on in it (_dispatch_event_merge_fd; Swift 6.3.1, found
    /// as crashes). An epoll descriptor never hangs up.
    package func hangupAsReadable() throws(Errno) -> OwnedDescriptor {
        let fd = clevagent_epoll_of(rawValue)
        guard fd >= 0 else { throw Errno(rawValue: -fd) }
        return OwnedDescriptor(owning: fd)
    }

    /// Returns when there is something to read. Not cancellable; not for what can hang up.
    package func readable(on queue: DispatchQueue) async {
        let source = DispatchSource.makeReadSource(fileDescriptor: rawValue, queue: queue)
        await withCheckedContinuation { continuation in
            source.setEventHandler { source.cancel() }
            // Only then the source has let go of the descriptor.
            source.setCancelHandler { continuation.resume() }
            source.activate()
        }
    }
}

import Dispatch
import NIOConcurrencyHelpers
import NIOPosix
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Where log lines go, without ever holding up who logs: a reader that has stopped costs lines, not supervision.
package final class LogOutput: TextOutputStream, Sendable {
    /// How many bytes may wait. What does not fit is dropped and counted, and told when the reader goes on.
    package static let capacity = 256 << 10

    private struct State {
        var waiting: [UInt8] = []
        var dropped = 0
        var isWriting = false
    }

    private let program: String
    private let descriptor: CInt
    private let state = NIOLockedValueBox(State())
    // Of its own: it blocks for as long as the reader does. No DispatchQueue: see docs/decisions/0009-task-threads.md.
    private let thread = NIOThreadPool(numberOfThreads: 1)

    /// - Parameters:
    ///   - program: begins the line that tells of dropped ones.
    ///   - descriptor: stays the caller's to close.
    package init(program: String, descriptor: CInt = STDERR_FILENO) {
        self.program = program
        self.descriptor = descriptor
        thread.start()
    }

    deinit { thread.shutdownGracefully { _ in } }

    /// Takes what one message makes, with its line end. Returns at once.
    ///
    /// What it holds may be anybody's words: of several lines all but the first are marked, so that none passes for a
    /// message of this program, and control characters are left out.
    package func write(_ message: String) {
        let line = Self.isPlain(message) ? message : Self.marked(message)
        let begins = state.withLockedValue { state -> Bool in
            // Once one is dropped, all are until the reader goes on: a gap is told where it is.
            guard state.dropped == 0, state.waiting.count + line.utf8.count <= Self.capacity else {
                state.dropped += 1
                return false
            }
            state.waiting.append(contentsOf: line.utf8)
            defer { state.isWriting = true }
            return !state.isWriting
        }
        if begins { thread.submit { _ in self.writeWaiting() } }
    }

    private static func isPlain(_ message: String) -> Bool {
        message.utf8.dropLast().allSatisfy { $0 >= 0x20 && $0 != 0x7F } && message.utf8.last == UInt8(ascii: "\n")
    }

    private static func marked(_ message: String) -> String {
        var bytes: [UInt8] = []
        for byte in message.utf8.last == UInt8(ascii: "\n") ? message.utf8.dropLast() : message.utf8[...] {
            switch byte {
            case UInt8(ascii: "\n"): bytes += "\n    | ".utf8
            case UInt8(ascii: "\t"): bytes.append(byte)
            case ..<0x20, 0x7F: break
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self) + "\n"
    }

    /// Waits until all is written that was taken before, but no longer than that. For the end of a program.
    ///
    /// - Returns: whether it is.
    @discardableResult
    package func flush(within limit: Duration) -> Bool {
        let done = DispatchSemaphore(value: 0)
        thread.submit { _ in done.signal() }
        let (seconds, attoseconds) = limit.components
        let nanoseconds = Int(clamping: seconds) * 1_000_000_000 + Int(clamping: attoseconds / 1_000_000_000)
        return done.wait(timeout: .now() + .nanoseconds(nanoseconds)) == .success
    }

    private func writeWaiting() {
        while let bytes = takeWaiting() {
            Self.writeAll(bytes, to: FileDescriptor(rawValue: descriptor))
        }
    }

    private func takeWaiting() -> [UInt8]? {
        state.withLockedValue { state in
            guard !state.waiting.isEmpty || state.dropped > 0 else {
                state.isWriting = false
                return nil
            }
            var bytes = state.waiting
            if state.dropped > 0 {
                bytes += "\(program): \(state.dropped) log lines were dropped: standard error did not take them\n".utf8
            }
            (state.waiting, state.dropped) = ([], 0)
            return bytes
        }
    }

    /// Blocks until all is written. A reader that is gone for good loses the rest.
    private static func writeAll(_ bytes: [UInt8], to descriptor: FileDescriptor) {
        var rest = bytes[...]
        while !rest.isEmpty {
            do {
                rest = rest.dropFirst(try rest.withUnsafeBytes { try descriptor.write($0) })
            } catch Errno.resourceTemporarilyUnavailable {
                // Somebody who shares the terminal or pipe with us has made it non-blocking.
                var writable = pollfd(fd: descriptor.rawValue, events: Int16(POLLOUT), revents: 0)
                _ = poll(&writable, 1, -1)
            } catch {
                return
            }
        }
    }
}

import Dispatch
import Logging
import NIOConcurrencyHelpers
import NIOPosix
package import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Where log messages go, without ever holding up who logs: a reader that has stopped costs messages, not supervision.
package final class LogOutput: Sendable {
    /// How many bytes may wait. What does not fit is dropped and counted, and told when the reader goes on.
    package static let capacity = 256 << 10
    /// How many bytes of a value are left in an entry that is too large for the journal's socket.
    private static let shortValue = 1 << 10

    private struct State {
        /// For standard error.
        var bytes: [UInt8] = []
        /// For the journal.
        var records: [LogRecord] = []
        var size = 0
        var dropped = 0
        var isWriting = false
    }

    private let program: String
    private let format: LogFormat
    private let descriptor: CInt
    private let journal: JournalSocket?
    private let state = NIOLockedValueBox(State())
    // Of its own: it blocks for as long as the reader does. No DispatchQueue: see docs/decisions/0009-task-threads.md.
    private let thread = NIOThreadPool(numberOfThreads: 1)

    /// - Parameters:
    ///   - program: its name, for the journal and for the line that tells of dropped ones.
    ///   - descriptor: stays the caller's to close.
    ///   - journal: where journald listens. What can't be sent there is a line on standard error.
    package init(
        program: String, format: LogFormat = .text, descriptor: CInt = STDERR_FILENO,
        journal: FilePath = "/run/systemd/journal/socket"
    ) {
        self.program = program
        self.format = format
        self.descriptor = descriptor
        self.journal = format == .journal ? JournalSocket(journal) : nil
        thread.start()
    }

    deinit { thread.shutdownGracefully { _ in } }

    /// Takes a message. Returns at once.
    package func write(_ record: LogRecord) {
        switch format {
        case .text: write(record.text)
        case .json: take(record.json)
        case .journal: take(size: record.size) { $0.records.append(record) }
        }
    }

    /// Takes what one message makes, with its line end. Returns at once.
    ///
    /// What it holds may be anybody's words: of several lines all but the first are marked, so that none passes for a
    /// message of this program, and control characters are left out.
    package func write(_ message: String) { take(Array(Self.line(message).utf8)) }

    private func take(_ line: [UInt8]) { take(size: line.count) { $0.bytes += line } }

    private func take(size: Int, _ append: (inout State) -> Void) {
        let begins = state.withLockedValue { state -> Bool in
            defer { state.isWriting = true }
            // Once one is dropped, all are until the reader goes on: a gap is told where it is.
            if state.dropped == 0, state.size + size <= Self.capacity {
                append(&state)
                state.size += size
            } else {
                state.dropped += 1
            }
            return !state.isWriting
        }
        if begins { thread.submit { _ in self.writeWaiting() } }
    }

    private static func line(_ message: String) -> String {
        marked(message.utf8.last == UInt8(ascii: "\n") ? String(message.dropLast()) : message) + "\n"
    }

    /// The words of a message, so that they look like those of one and nothing else.
    static func marked(_ words: String) -> String {
        guard words.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return words }
        var bytes: [UInt8] = []
        for byte in words.utf8 {
            switch byte {
            case UInt8(ascii: "\n"): bytes += "\n    | ".utf8
            case UInt8(ascii: "\t"): bytes.append(byte)
            case ..<0x20, 0x7F: break
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
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
        while let (bytes, records) = takeWaiting() {
            writeOut(bytes)
            for record in records { send(record) }
        }
    }

    private func takeWaiting() -> (bytes: [UInt8], records: [LogRecord])? {
        state.withLockedValue { state in
            guard state.size > 0 || state.dropped > 0 else {
                state.isWriting = false
                return nil
            }
            var (bytes, records) = (state.bytes, state.records)
            if state.dropped > 0 { tell(of: state.dropped, &bytes, &records) }
            state = State(isWriting: true)
            return (bytes, records)
        }
    }

    private func tell(of dropped: Int, _ bytes: inout [UInt8], _ records: inout [LogRecord]) {
        let reader = format == .journal ? "the journal" : "standard error"
        let message = "\(dropped) log lines were dropped: \(reader) did not take them"
        let record = LogRecord(level: .warning, label: program, source: "ProgramLog", message: message)
        switch format {
        case .text: bytes += "\(program): \(message)\n".utf8
        case .json: bytes += record.json
        case .journal: records.append(record)
        }
    }

    /// Blocks until journald has it, or standard error.
    private func send(_ record: LogRecord) {
        do throws(Errno) {
            try sendToJournal(record)
        } catch {
            writeOut(Array(Self.line(record.text).utf8))
        }
    }

    private func sendToJournal(_ record: LogRecord) throws(Errno) {
        guard let journal else { throw .noSuchFileOrDirectory }
        do throws(Errno) {
            try journal.send(JournalDatagram(record, identifier: program).bytes)
        } catch {
            guard [.messageTooLong, .noBufferSpace].contains(error) else { throw error }
            try journal.send(JournalDatagram(record, identifier: program, limit: Self.shortValue).bytes)
        }
    }

    /// Blocks until all is written. A reader that is gone for good loses the rest.
    private func writeOut(_ bytes: [UInt8]) {
        let descriptor = FileDescriptor(rawValue: descriptor)
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

import Dispatch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The file descriptors behind a child's output.
struct ChildOutputPipe {
    let writeEnd: Int32
    /// Only when somebody reads.
    let readEnd: Int32?

    init(_ output: ChildProcess.Output) throws {
        switch output {
        case .discarded:
            readEnd = nil
            writeEnd = open("/dev/null", O_WRONLY | O_CLOEXEC)
        case .file(let path):
            readEnd = nil
            writeEnd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        case .lines:
            var ends: [Int32] = [-1, -1]
            guard pipe(&ends) == 0 else { throw ChildProcessError(program: "pipe", errno: errno) }
            // Swift does not see pipe2. A child started in between keeps the pipe open, no more.
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            readEnd = ends[0]
            writeEnd = ends[1]
        }
        guard writeEnd >= 0 else { throw ChildProcessError(program: "output", errno: errno) }
    }

    /// Gives up the writing end and reads the other one to its end.
    ///
    /// Lines are kept without a bound until they are read: a child of a test says little.
    func lines(whenStarted isStarted: Bool) -> AsyncStream<String> {
        close(writeEnd)
        let (stream, continuation) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .unbounded)
        guard let readEnd, isStarted else {
            if let readEnd { close(readEnd) }
            continuation.finish()
            return stream
        }
        DispatchQueue(label: "output \(readEnd)").async {
            var buffer = [UInt8](repeating: 0, count: 4096)
            var line: [UInt8] = []
            // By read(2), not stdio: fflush(nil) anywhere would wait for a stream that a thread is blocked on.
            while case let count = read(readEnd, &buffer, buffer.count), count > 0 || (count < 0 && errno == EINTR) {
                for byte in buffer.prefix(max(count, 0)) {
                    if byte == UInt8(ascii: "\n") {
                        continuation.yield(String(decoding: line, as: UTF8.self))
                        line = []
                    } else {
                        line.append(byte)
                    }
                }
            }
            if !line.isEmpty { continuation.yield(String(decoding: line, as: UTF8.self)) }
            close(readEnd)
            continuation.finish()
        }
        return stream
    }
}

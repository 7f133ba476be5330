import Glibc
import TestSupport

/// A shell inside a private systemd that waits for lines, as one does in which somebody types.
final class InnerShell: Sendable {
    private let pipe: String
    private let process: ChildProcess

    init(_ systemd: PrivateSystemd) throws {
        pipe = systemd.share + "/typed"
        guard mkfifo(pipe, 0o600) == 0 else { throw BenchmarkError.cannotWrite(pipe) }
        process = try systemd.open(
            "sh", "-c", #"exec 3<>/tmp/share/typed; while read -r line <&3; do eval "$line"; echo "done $?"; done"#)
    }

    /// Has it carry out a line.
    ///
    /// - Returns: Just before it was written.
    func type(_ line: String) throws -> ContinuousClock.Instant {
        // For both, so that opening does not wait for the other side (fifo(7)).
        let file = open(pipe, O_RDWR | O_CLOEXEC)
        guard file >= 0 else { throw BenchmarkError.cannotWrite(pipe) }
        defer { close(file) }
        let bytes = Array((line + "\n").utf8)
        let now = ContinuousClock.now
        guard write(file, bytes, bytes.count) == bytes.count else { throw BenchmarkError.cannotWrite(pipe) }
        return now
    }

    /// Waits for what a line that was typed prints, up to its end.
    func printed() async throws -> String {
        var printed: [String] = []
        for await line in process.lines {
            if line == "done 0" { return printed.joined(separator: "\n") }
            printed.append(line)
            if line.hasPrefix("done ") { break }
        }
        throw BenchmarkError.notReady("a command inside failed", log: printed.joined(separator: "\n"))
    }
}

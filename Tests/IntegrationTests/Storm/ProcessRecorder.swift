import SystemPackage
import SystemSupport
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// What the kernel says of processes, told by a program of its own (Tests/Fixtures/process-recorder).
///
/// Neither the runner nor the targets take part: the proc connector tells each fork, exec and exit of the machine, in
/// every PID namespace, with the kernel's own time. It says so when it had to leave something out.
struct ProcessRecorder: Sendable {
    /// One thing that the kernel said.
    struct Entry: Sendable, Hashable {
        enum Event: Sendable, Hashable {
            /// `inner` is the PID in the process's own namespace. Without arguments, it was gone before it could be
            /// looked at.
            case forked(inner: Int32, parent: Int32, arguments: [String])
            case executed(inner: Int32, arguments: [String])
            case exited(status: Int32)
        }

        /// By the boot clock.
        var time: Duration
        var pid: Int32
        var event: Event
    }

    private let program: ChildProcess

    /// Starts to record all that has `mark` in its command line, and what comes from it.
    init(mark: String) throws {
        let path = FilePath(BuiltProgram.runner.path).removingLastComponent().appending("process-recorder")
        program = try ChildProcess([path.string, mark], output: .lines)
    }

    /// Hands out what is recorded, in the kernel's order, to one reader.
    ///
    /// - Parameter ready: is called when nothing is missed any more.
    /// - Throws: when something was missed after all: a record with a hole proves nothing.
    func read(ready: () -> Void, _ take: (Entry) -> Void) async throws {
        for await line in program.lines {
            if line == "ready" {
                ready()
            } else if let entry = Entry(line) {
                take(entry)
            } else {
                throw RecorderError(description: "the process recorder said: \(line)")
            }
        }
    }

    func end() async {
        await program.end()
    }
}

struct RecorderError: Error, CustomStringConvertible {
    var description: String
}

extension ProcessRecorder.Entry {
    /// Reads a line of the recorder's; nil for one that tells no event.
    init?(_ line: String) {
        let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        guard fields.count >= 4, let time = Int64(fields[1]), let pid = Int32(fields[2]), let number = Int32(fields[3])
        else { return nil }
        switch fields[0] {
        case "fork":
            guard fields.count > 5, let parent = Int32(fields[4]) else { return nil }
            event = .forked(inner: number, parent: parent, arguments: Array(fields[5...]))
        case "exec": event = .executed(inner: number, arguments: Array(fields[4...]))
        case "exit": event = .exited(status: number)
        default: return nil
        }
        self.time = .nanoseconds(time)
        self.pid = pid
    }
}

extension Trait where Self == ConditionTrait {
    /// Skipped where the kernel tells nothing of processes; in CI that is a failure.
    static var needsProcessEvents: Self {
        let socket = socket(AF_NETLINK, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), netlinkConnector)
        if socket >= 0 { close(socket) }
        return .enabled(
            if: socket >= 0 && geteuid() == 0 || getenv("CI") != nil,
            "records processes: needs root and a kernel with CONFIG_PROC_EVENTS")
    }

    /// NETLINK_CONNECTOR of linux/netlink.h.
    private static var netlinkConnector: Int32 { 11 }
}

import Glibc
import TestSupport

/// Small processes to be watched: each an orphan with a PID file, and with a connection to the benchmark.
///
/// The connection tells both ends of a process's life without polling: its first line says "running", its end, which
/// the kernel brings about while the process exits, says "gone". As long as it is open the PID cannot be anybody
/// else's, which makes it safe to signal.
final class AgentPool: Sendable {
    typealias Event = AgentListener.Event

    let directory: String
    let names: [String]
    private let program: String
    private let socket: String
    private let listener: AgentListener

    /// Starts `count` agents and waits until all of them run; or leaves starting them to somebody else.
    ///
    /// - Parameters:
    ///   - name: Begins the names of its agents.
    ///   - directory: Gets a directory of that name.
    ///   - program: The compiled `benchmark-agent.c`.
    init(_ name: String, count: Int, in directory: String, program: String, startsThem: Bool = true) async throws {
        self.directory = directory + "/" + name
        self.program = program
        socket = self.directory + "/agents"
        names = (0..<count).map { "\(name)-\($0 + 1)" }
        mkdir(self.directory, 0o755)
        listener = try await AgentListener(at: socket)
        if startsThem { try await start(names) }
    }

    func pidFile(of name: String) -> String { directory + "/" + name + ".pid" }

    /// The command line of an agent, for a supervisor to start.
    func command(of name: String) -> [String] { [program, pidFile(of: name), socket, name] }

    /// The process that runs under that name now.
    func processID(of name: String) -> pid_t? {
        listener.lives.first { $0.value == name }?.key
    }

    /// Everything that happens from now on; ends after `limit`.
    func events(for limit: Duration = .seconds(30)) -> AsyncStream<Event> { listener.events(for: limit) }

    /// Kills the process of that name as `kill -9` does.
    ///
    /// - Returns: Just before it was sent.
    func kill(_ name: String) throws -> ContinuousClock.Instant {
        guard let id = processID(of: name) else { throw BenchmarkError.agentDidNotStart(name) }
        let now = ContinuousClock.now
        Glibc.kill(id, SIGKILL)
        return now
    }

    /// Kills what still runs, and waits until nothing does. Whoever would bring it back must be gone by now.
    func end() async {
        guard !isEmpty else { return }
        let events = events()
        for id in listener.lives.keys { Glibc.kill(id, SIGKILL) }
        for await _ in events where isEmpty { break }
    }

    private var isEmpty: Bool { listener.lives.isEmpty }

    private func start(_ names: [String]) async throws {
        var running = Set<String>()
        let events = events(for: .seconds(60))
        for name in names {
            let launcher = try ChildProcess([program, "--detach"] + command(of: name))
            guard await launcher.ended() == 0 else { throw BenchmarkError.agentDidNotStart(name) }
        }
        for await event in events where event.kind == .running {
            running.insert(event.name)
            if running.count == names.count { return }
        }
        throw BenchmarkError.agentDidNotStart(names.first { !running.contains($0) } ?? directory)
    }
}

import Glibc
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import TestSupport

/// Small processes to be watched: each an orphan with a PID file, and with a connection to the benchmark.
///
/// The connection tells both ends of a process's life without polling: its first line says "running", its end, which
/// the kernel brings about while the process exits, says "gone". As long as it is open the PID cannot be anybody
/// else's, which makes it safe to signal.
final class AgentPool: Sendable {
    /// A life that began or ended.
    struct Event: Sendable {
        enum Kind: Sendable { case running, gone }

        var kind: Kind
        var name: String
        var processID: pid_t
        var at: ContinuousClock.Instant
    }

    let directory: String
    let names: [String]
    private let program: String
    private let socket: String
    private let lives: NIOLockedValueBox<[pid_t: String]>
    private let subscribers: NIOLockedValueBox<[AsyncStream<Event>.Continuation]>
    private let listener: any Channel

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
        let lives = NIOLockedValueBox<[pid_t: String]>([:])
        let subscribers = NIOLockedValueBox<[AsyncStream<Event>.Continuation]>([])
        self.lives = lives
        self.subscribers = subscribers
        listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        AgentReader { event in
                            lives.withLockedValue { lives in
                                lives[event.processID] = event.kind == .running ? event.name : nil
                            }
                            for subscriber in subscribers.withLockedValue({ $0 }) { subscriber.yield(event) }
                        })
                }
            }
            .bind(unixDomainSocketPath: socket).get()
        if startsThem { try await start(names) }
    }

    func pidFile(of name: String) -> String { directory + "/" + name + ".pid" }

    /// The command line of an agent, for a supervisor to start.
    func command(of name: String) -> [String] { [program, pidFile(of: name), socket, name] }

    /// The process that runs under that name now.
    func processID(of name: String) -> pid_t? {
        lives.withLockedValue { $0.first { $0.value == name }?.key }
    }

    /// Everything that happens from now on; ends after `limit`.
    func events(for limit: Duration = .seconds(30)) -> AsyncStream<Event> {
        let (stream, continuation) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .unbounded)
        subscribers.withLockedValue { $0.append(continuation) }
        listener.eventLoop.scheduleTask(in: TimeAmount(limit)) { continuation.finish() }
        return stream
    }

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
        for id in lives.withLockedValue({ Array($0.keys) }) { Glibc.kill(id, SIGKILL) }
        for await _ in events where isEmpty { break }
    }

    private var isEmpty: Bool { lives.withLockedValue { $0.isEmpty } }

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

/// Reads an agent's line, and the end of its connection.
private final class AgentReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let report: @Sendable (AgentPool.Event) -> Void
    private var agent: (name: String, processID: pid_t)?

    init(_ report: @escaping @Sendable (AgentPool.Event) -> Void) { self.report = report }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let now = ContinuousClock.now
        // One short write by the agent: it comes in one piece.
        let words = String(buffer: Self.unwrapInboundIn(data)).split { $0 == " " || $0 == "\n" }
        guard words.count == 2, let id = pid_t(words[1]) else { return context.close(promise: nil) }
        agent = (String(words[0]), id)
        report(AgentPool.Event(kind: .running, name: String(words[0]), processID: id, at: now))
    }

    func channelInactive(context: ChannelHandlerContext) {
        let now = ContinuousClock.now
        guard let agent else { return }
        report(AgentPool.Event(kind: .gone, name: agent.name, processID: agent.processID, at: now))
    }
}

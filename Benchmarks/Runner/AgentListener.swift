import Glibc
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// Hears from `benchmark-agent` processes when they run and when they are gone.
final class AgentListener: Sendable {
    /// A life that began or ended.
    struct Event: Sendable {
        enum Kind: Sendable { case running, gone }

        var kind: Kind
        var name: String
        /// As the agent knows it: another one outside of a PID namespace.
        var processID: pid_t
        var at: ContinuousClock.Instant
    }

    private let known: NIOLockedValueBox<[pid_t: String]>
    private let subscribers: NIOLockedValueBox<[AsyncStream<Event>.Continuation]>
    private let channel: any Channel

    /// Listens on a socket in the file system.
    init(at socket: String) async throws {
        let known = NIOLockedValueBox<[pid_t: String]>([:])
        let subscribers = NIOLockedValueBox<[AsyncStream<Event>.Continuation]>([])
        self.known = known
        self.subscribers = subscribers
        channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        AgentReader { event in
                            known.withLockedValue { known in
                                known[event.processID] = event.kind == .running ? event.name : nil
                            }
                            for subscriber in subscribers.withLockedValue({ $0 }) { subscriber.yield(event) }
                        })
                }
            }
            .bind(unixDomainSocketPath: socket).get()
    }

    /// The names of those that run now.
    var lives: [pid_t: String] { known.withLockedValue { $0 } }

    /// Everything that happens from now on; ends after `limit`.
    func events(for limit: Duration = .seconds(30)) -> AsyncStream<Event> {
        let (stream, continuation) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .unbounded)
        subscribers.withLockedValue { $0.append(continuation) }
        channel.eventLoop.scheduleTask(in: TimeAmount(limit)) { continuation.finish() }
        return stream
    }

    func close() async { try? await channel.close() }
}

/// Reads an agent's line, and the end of its connection.
private final class AgentReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let report: @Sendable (AgentListener.Event) -> Void
    private var agent: (name: String, processID: pid_t)?

    init(_ report: @escaping @Sendable (AgentListener.Event) -> Void) { self.report = report }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let now = ContinuousClock.now
        // One short write by the agent: it comes in one piece.
        let words = String(buffer: Self.unwrapInboundIn(data)).split { $0 == " " || $0 == "\n" }
        guard words.count == 2, let id = pid_t(words[1]) else { return context.close(promise: nil) }
        agent = (String(words[0]), id)
        report(AgentListener.Event(kind: .running, name: String(words[0]), processID: id, at: now))
    }

    func channelInactive(context: ChannelHandlerContext) {
        let now = ContinuousClock.now
        guard let agent else { return }
        report(AgentListener.Event(kind: .gone, name: agent.name, processID: agent.processID, at: now))
    }
}

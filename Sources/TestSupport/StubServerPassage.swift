import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// The way of one client's connection to the server behind the stub, and what is done to the answers on it.
///
/// There is one connection to the server for each of the client's, and both end together.
final class StubServerPassage: Sendable {
    /// What becomes of the server's answer to a request.
    enum Treatment: Sendable {
        case whole
        case late(Duration)
        case cut(after: Int)
        /// Something else goes back in its place, when it comes.
        case replaced(StubServer.Answer)
        case dropped

        /// - Parameter answer: what the script has for a request that the server gets.
        init(_ answer: StubServer.Answer?) {
            switch answer?.kind {
            case nil: self = .whole
            case .late(let delay): self = .late(delay)
            case .cut(let count): self = .cut(after: count)
            case .reply, .drip, .raw, .close, .hang, .halfClose: self = answer.map(Self.replaced) ?? .whole
            }
        }
    }

    private struct State {
        var far: EventLoopFuture<any Channel>?
        var treatment = Treatment.whole
        var replace: (@Sendable (StubServer.Answer) -> Void)?
    }

    private let near: any Channel
    private let stub: NIOLockedValueBox<StubServer.State>
    private let state = NIOLockedValueBox(State())

    init(for near: any Channel, _ stub: NIOLockedValueBox<StubServer.State>) {
        self.near = near
        self.stub = stub
    }

    /// Gives a request to the server.
    ///
    /// - Parameter replace: sends another answer than the server's.
    func pass(
        _ request: [UInt8], to port: Int, _ treatment: Treatment,
        replace: @escaping @Sendable (StubServer.Answer) -> Void
    ) {
        let far = state.withLockedValue { state in
            state.treatment = treatment
            state.replace = replace
            let far = state.far ?? connect(to: port)
            state.far = far
            return far
        }
        far.whenComplete { [near] result in
            switch result {
            case .success(let far): far.writeAndFlush(ByteBuffer(bytes: request), promise: nil)
            case .failure: near.close(promise: nil)
            }
        }
    }

    private func connect(to port: Int) -> EventLoopFuture<any Channel> {
        let far = ClientBootstrap(group: near.eventLoop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AnswerReader(passage: self))
                }
            }
            .connect(host: "127.0.0.1", port: port)
        near.closeFuture.whenComplete { _ in far.whenSuccess { $0.close(promise: nil) } }
        return far
    }

    /// Takes bytes of an answer.
    fileprivate func answered(_ bytes: ByteBuffer) {
        let (treatment, replace) = state.withLockedValue { state in
            defer {
                switch state.treatment {
                case .replaced, .cut: state.treatment = .dropped
                case .whole, .late, .dropped: break
                }
            }
            return (state.treatment, state.replace)
        }
        switch treatment {
        case .whole: write(bytes)
        case .late(let delay): near.eventLoop.scheduleTask(in: TimeAmount(delay)) { self.write(bytes) }
        case .cut(let count):
            let part = bytes.getSlice(at: bytes.readerIndex, length: min(count, bytes.readableBytes)) ?? bytes
            near.writeAndFlush(part).whenComplete { [near] _ in near.close(promise: nil) }
        case .replaced(let answer): replace?(answer)
        case .dropped: break
        }
    }

    private func write(_ bytes: ByteBuffer) {
        near.writeAndFlush(bytes, promise: nil)
        for observer in stub.withLockedValue({ Array($0.observers.values) }) { observer.yield() }
    }

    fileprivate func ended() { near.close(promise: nil) }
}

/// Hears the server behind.
private final class AnswerReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let passage: StubServerPassage

    init(passage: StubServerPassage) { self.passage = passage }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        passage.answered(Self.unwrapInboundIn(data))
    }

    func channelInactive(context: ChannelHandlerContext) {
        passage.ended()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

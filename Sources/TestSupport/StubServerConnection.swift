import FoundationEssentials
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import WireProtocol

/// Writes answers to one client, the way the script wants them.
struct StubServerConnection: Sendable {
    let channel: any Channel
    let state: NIOLockedValueBox<StubServer.State>
    let passage: StubServerPassage
    /// Whether the client asked for this connection to end with the answer.
    var closesAfterwards = false
    /// Whether the answer tells that gzip is read here.
    var offersGzip = false

    /// Reads requests from a new connection and answers them as `state` says.
    static func install(in channel: any Channel, state: NIOLockedValueBox<StubServer.State>) throws {
        let id = state.withLockedValue { state in
            defer { state.connectionCount += 1 }
            state.connections[state.connectionCount] = channel
            return state.connectionCount
        }
        channel.closeFuture.whenComplete { _ in
            let observers = state.withLockedValue { state in
                state.connections[id] = nil
                state.heldPolls.removeAll { $0.connection.channel === channel }
                return state.observers.values
            }
            for observer in observers { observer.yield() }
        }
        try channel.pipeline.syncOperations.addHandlers([
            StubServerByteCounter(state: state),
            // Answers are written as bytes, so that they can be wrong in every way: there is no response encoder.
            ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)),
            StubServerRequestReader(
                connection: StubServerConnection(
                    channel: channel, state: state, passage: StubServerPassage(for: channel, state)), id: id),
        ])
    }

    /// Records a whole request and answers it, now or when its long poll ends.
    ///
    /// - Parameter bytes: the request as a server behind is to get it.
    func receive(_ bytes: [UInt8], _ make: (Int) -> StubServer.Request) {
        let (reaction, index, observers) = state.withLockedValue { state in
            let request = make(state.requests.count)
            let reaction = state.receive(request)
            if case .hold = reaction {
                state.heldPolls.append(StubServer.State.HeldPoll(request: request.index, connection: self))
            }
            return (reaction, request.index, state.observers.values)
        }
        switch reaction {
        case .answer(let answer):
            send(answer)
        case .pass(let port, let treatment):
            passage.pass(bytes, to: port, treatment) { send($0) }
        case .hold(let seconds):
            channel.eventLoop.scheduleTask(in: .seconds(Int64(seconds))) {
                guard state.withLockedValue({ $0.releasePoll(index) }) else { return }
                send(StubServer.State.list([]))
            }
        }
        for observer in observers { observer.yield() }
    }

    /// Sends one answer, or does what the script has instead of one.
    func send(_ answer: StubServer.Answer) {
        switch answer.kind {
        case .reply(let reply):
            let isCut = reply.claimedLength.map { $0 > reply.body.count } ?? false
            write(head(of: reply) + reply.body, thenClose: isCut || closesAfterwards)
        case .drip(let reply, let chunk, let pause):
            write(head(of: reply), thenClose: false)
            drip(reply.body[...], chunk: chunk, every: TimeAmount(pause))
        case .raw(let bytes):
            write(bytes, thenClose: true)
        case .close:
            channel.close(promise: nil)
        case .hang, .late, .cut:
            break
        case .halfClose:
            channel.close(mode: .output, promise: nil)
        }
    }

    private func head(of reply: StubServer.Answer.Reply) -> [UInt8] {
        let reason = HTTPResponseStatus(statusCode: reply.status).reasonPhrase
        var text = "HTTP/1.1 \(reply.status) \(reason)\r\n"
        for (name, value) in reply.headers { text += "\(name): \(value)\r\n" }
        text += "Content-Length: \(reply.claimedLength ?? reply.body.count)\r\n"
        if offersGzip { text += "Accept-Encoding: gzip\r\n" }
        if closesAfterwards { text += "Connection: close\r\n" }
        return Array((text + "\r\n").utf8)
    }

    private func write(_ bytes: [UInt8], thenClose: Bool) {
        let written = channel.writeAndFlush(ByteBuffer(bytes: bytes))
        if thenClose { written.whenComplete { _ in channel.close(promise: nil) } }
    }

    private func drip(_ rest: ArraySlice<UInt8>, chunk: Int, every pause: TimeAmount) {
        guard channel.isActive else { return }
        let piece = rest.prefix(chunk)
        let isLast = piece.count == rest.count
        write(Array(piece), thenClose: isLast && closesAfterwards)
        guard !isLast else { return }
        channel.eventLoop.scheduleTask(in: pause) {
            drip(rest.dropFirst(chunk), chunk: chunk, every: pause)
        }
    }
}

/// Counts what comes in before anything reads it.
private final class StubServerByteCounter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let state: NIOLockedValueBox<StubServer.State>

    init(state: NIOLockedValueBox<StubServer.State>) { self.state = state }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let count = Self.unwrapInboundIn(data).readableBytes
        state.withLockedValue { $0.bytesReceived += count }
        context.fireChannelRead(data)
    }
}

/// Puts the parts of one request together.
private final class StubServerRequestReader: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart

    private let connection: StubServerConnection
    private let id: Int
    private var head: HTTPRequestHead?
    private var body = Data()

    init(connection: StubServerConnection, id: Int) {
        self.connection = connection
        self.id = id
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch Self.unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = Data()
        case .body(let buffer):
            body.append(contentsOf: buffer.readableBytesView)
        case .end:
            finish()
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // No HTTP, or the client is gone: a stub has nothing to say to either.
        context.close(promise: nil)
    }

    private func finish() {
        guard let head else { return }
        let arrival = ContinuousClock.now
        self.head = nil
        var connection = self.connection
        connection.closesAfterwards = !head.isKeepAlive
        connection.offersGzip =
            head.headers.contains(name: WireHeader.runnerID)
            && connection.state.withLockedValue { $0.configuration.offersGzip }
        let (path, query) = Self.split(head.uri)
        connection.receive(Self.bytes(head, body)) { index in
            StubServer.Request(
                index: index, method: head.method.rawValue, path: path, query: query,
                headers: head.headers.map { (name: $0.name, value: $0.value) }, body: body, arrival: arrival,
                connection: id)
        }
    }

    private static func bytes(_ head: HTTPRequestHead, _ body: Data) -> [UInt8] {
        let headers = head.headers.map { "\($0.name): \($0.value)\r\n" }.joined()
        return Array("\(head.method.rawValue) \(head.uri) HTTP/1.1\r\n\(headers)\r\n".utf8) + body
    }

    /// Splits a request target into path and query; enough for this protocol's queries, which need no decoding.
    private static func split(_ uri: String) -> (path: String, query: [String: String]) {
        let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var query: [String: String] = [:]
        for pair in parts.dropFirst().joined().split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            query[String(halves[0])] = halves.count > 1 ? String(halves[1]) : ""
        }
        return (String(parts[0]), query)
    }
}

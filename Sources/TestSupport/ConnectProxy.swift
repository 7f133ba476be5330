import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix

/// An HTTP proxy on a real loopback socket that makes tunnels (CONNECT) and keeps what it was asked for.
package final class ConnectProxy: Sendable {
    /// What a client asked for.
    package struct Request: Sendable, Hashable {
        package var method: String
        /// HOST:PORT.
        package var target: String
        package var authorization: String?
    }

    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let listener: any Channel
    private let log: NIOLockedValueBox<[Request]>

    package var port: Int { listener.localAddress?.port ?? 0 }
    package var requests: [Request] { log.withLockedValue { $0 } }

    /// - Parameter authorization: what `Proxy-Authorization` must say, or else: 407.
    fileprivate init(authorization: String?, refusing status: Int?) async throws {
        let log = NIOLockedValueBox<[Request]>([])
        self.log = log
        listener = try await ServerBootstrap(group: group).childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                // After CONNECT comes whatever the client and the server say to each other.
                let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes))
                let handler = ConnectHandler(decoder: decoder, log: log, wants: authorization, refusal: status)
                try channel.pipeline.syncOperations.addHandlers([decoder, handler])
            }
        }.bind(host: "127.0.0.1", port: 0).get()
    }

    fileprivate func end() async throws {
        try await group.shutdownGracefully()
    }
}

/// Runs `body` beside a proxy.
///
/// - Parameters:
///   - authorization: what a client must say in `Proxy-Authorization`; nil lets everybody in.
///   - status: what every request gets instead of a tunnel.
package func withConnectProxy<Result>(
    authorization: String? = nil, refusing status: Int? = nil, _ body: (ConnectProxy) async throws -> Result
) async throws -> Result {
    let proxy = try await ConnectProxy(authorization: authorization, refusing: status)
    do {
        let result = try await body(proxy)
        try await proxy.end()
        return result
    } catch {
        try await proxy.end()
        throw error
    }
}

/// Takes the CONNECT and then gets out of the way.
private final class ConnectHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart

    private let decoder: ByteToMessageHandler<HTTPRequestDecoder>
    private let log: NIOLockedValueBox<[ConnectProxy.Request]>
    private let wanted: String?
    private let refusal: Int?
    private var target: String?

    init(
        decoder: ByteToMessageHandler<HTTPRequestDecoder>, log: NIOLockedValueBox<[ConnectProxy.Request]>,
        wants wanted: String?, refusal: Int?
    ) {
        self.decoder = decoder
        self.log = log
        self.wanted = wanted
        self.refusal = refusal
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch Self.unwrapInboundIn(data) {
        case .head(let head):
            let authorization = head.headers.first(name: "Proxy-Authorization")
            log.withLockedValue {
                $0.append(.init(method: head.method.rawValue, target: head.uri, authorization: authorization))
            }
            if let refusal {
                refuse(refusal, context)
            } else if let wanted, authorization != wanted {
                refuse(407, context)
            } else if head.method == .CONNECT {
                target = head.uri
            } else {
                refuse(405, context)
            }
        case .body: break
        case .end: if let target { connect(to: target, context) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // What is no HTTP gets the answer that web servers give.
        refuse(400, context)
    }

    private func refuse(_ status: Int, _ context: ChannelHandlerContext) {
        let channel = context.channel
        let answer = "HTTP/1.1 \(status) No\r\nContent-Length: 0\r\n\r\n"
        channel.writeAndFlush(ByteBuffer(string: answer)).whenComplete { _ in channel.close(promise: nil) }
    }

    private func connect(to target: String, _ context: ChannelHandlerContext) {
        let parts = target.split(separator: ":")
        let host = parts.first.map(String.init) ?? ""
        let port = parts.last.flatMap { Int($0) } ?? 0
        let near = context.channel
        let loop = context.eventLoop
        let this = NIOLoopBound((self, decoder), eventLoop: loop)
        ClientBootstrap(group: loop).channelInitializer { far in
            far.eventLoop.makeCompletedFuture { try far.pipeline.syncOperations.addHandler(Pipe(to: near)) }
        }.connect(host: host, port: port).whenComplete { result in
            guard case .success(let far) = result else {
                near.close(promise: nil)
                return
            }
            near.writeAndFlush(ByteBuffer(string: "HTTP/1.1 200 Connected\r\n\r\n"), promise: nil)
            let (handler, decoder) = this.value
            let pipeline = near.pipeline.syncOperations
            try? pipeline.addHandler(Pipe(to: far))
            _ = pipeline.removeHandler(handler)
            _ = pipeline.removeHandler(decoder)
        }
    }
}

/// Gives all that comes to another channel, and ends with it.
private final class Pipe: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let other: any Channel

    init(to other: any Channel) {
        self.other = other
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        other.writeAndFlush(Self.unwrapInboundIn(data), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        other.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

import Glibc
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL
import SystemPackage

/// Stands in for the server on a real loopback socket, in the process of the test that scripts it.
///
/// Unscripted it answers as ``Configuration/Knowledge`` says. It keeps every request for the test to read or to await,
/// and can be told to answer anything else, down to bytes that are no HTTP at all.
/// Made by ``withStubServer(_:_:)`` only, which also ends it.
package final class StubServer: Sendable {
    /// The port of 127.0.0.1 it listens on, chosen by the kernel.
    package var port: Int { reservation.port }

    let group: MultiThreadedEventLoopGroup
    let state: NIOLockedValueBox<State>
    private let reservation: PortReservation
    private let tls: NIOLockedValueBox<NIOSSLContext?>
    private let scheme: String

    /// Binds a free port and starts to answer.
    init(_ configuration: Configuration) async throws {
        tls = NIOLockedValueBox(try configuration.identity.map { try Self.context($0, clients: configuration.clients) })
        scheme = configuration.identity == nil ? "http://127.0.0.1" : "https://localhost"
        reservation = try PortReservation()
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        state = NIOLockedValueBox(State(configuration))
        do {
            try await listen()
        } catch {
            try await group.shutdownGracefully()
            throw error
        }
    }

    /// The URL before `/api/v1`, as `--endpoint` takes it.
    package var endpoint: String { "\(scheme):\(port)" }

    // MARK: Being away

    /// Closes the listening socket and every connection: from here on, connecting is refused.
    package func goAway() async throws {
        let (listener, connections) = state.withLockedValue { state in
            defer { state.listener = nil }
            return (state.listener, Array(state.connections.values))
        }
        if let listener {
            // Also for a child that was forked a moment ago and still holds a copy: closing would only end ours.
            shutdown(listener.descriptor, Int32(SHUT_RDWR))
            try? await listener.channel.close()
        }
        for connection in connections { try? await connection.close() }
    }

    /// Listens again on the same port after ``goAway()``; what was recorded and queued is still there.
    package func comeBack() async throws {
        try await listen()
    }

    /// Cuts every open connection, with whatever was under way on it; new ones are taken.
    package func cutConnections() async {
        for connection in state.withLockedValue({ Array($0.connections.values) }) {
            try? await connection.close()
        }
    }

    /// Is another under TLS from the next connection on.
    package func become(_ identity: TestAuthority.Identity) throws {
        let context = try Self.context(identity, clients: nil)
        tls.withLockedValue { $0 = context }
    }

    /// Ends everything; only the scope calls it.
    func end() async throws {
        let observers = state.withLockedValue { Array($0.observers.values) }
        for observer in observers { observer.finish() }
        try await group.shutdownGracefully()
    }

    private static func context(
        _ identity: TestAuthority.Identity, clients: TestAuthority?
    ) throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMFile(identity.certificate.string)
        let key = try NIOSSLPrivateKey(file: identity.key.string, format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        if let clients {
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .file(clients.certificate.string)
        }
        return try NIOSSLContext(configuration: configuration)
    }

    private func listen() async throws {
        let descriptor = try reservation.makeListener()
        let channel = try await ServerBootstrap(group: group)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { [state, tls] channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls = tls.withLockedValue({ $0 }) {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
                    }
                    try StubServerConnection.install(in: channel, state: state)
                }
            }
            .withBoundSocket(descriptor).get()
        state.withLockedValue { $0.listener = Listener(descriptor: descriptor, channel: channel) }
    }
}

extension StubServer {
    /// The socket that takes connections; its channel owns the descriptor.
    struct Listener {
        var descriptor: Int32
        var channel: any Channel
    }
}

/// Runs `body` beside a stub server that answers as `configuration` says, and ends the stub afterwards.
///
/// - Parameters:
///   - configuration: What the stub knows before it is told more through its methods.
///   - body: Gets the listening stub; its end, however it comes, closes every connection.
/// - Returns: What `body` returned.
package func withStubServer<Result>(
    _ configuration: StubServer.Configuration = .init(), _ body: (StubServer) async throws -> Result
) async throws -> Result {
    let stub = try await StubServer(configuration)
    do {
        let result = try await body(stub)
        try await stub.end()
        return result
    } catch {
        try await stub.end()
        throw error
    }
}

/// Says why a stub server could not do its part, or what a test waited for in vain.
package enum StubServerError: Error, CustomStringConvertible {
    /// Nothing of the kind came in time; `log` lists the requests that did.
    case notSeen(String, within: Duration, log: [String])

    package var description: String {
        switch self {
        case .notSeen(let what, let limit, let log):
            "\(what) did not come within \(limit); requests so far: \(log.isEmpty ? "none" : log.joined(separator: ", "))"
        }
    }
}

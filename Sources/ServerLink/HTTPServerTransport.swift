import AsyncHTTPClient
import FoundationEssentials
import Gzip
import NIOConcurrencyHelpers
package import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import ServiceLifecycle
package import Supervision
import SystemSupport
import WireProtocol

/// Where the server is, and who asks it.
package struct TransportConfiguration: Sendable {
    /// The URL before `/api/v1`, without a slash at its end.
    package var endpoint: String
    package var apiKey: Secret
    package var runnerID: String
    package var userAgent: String
    /// Nil for the system's.
    package var trustRoots: TrustRoots?
    /// Nil for the straight way.
    package var proxy: ProxyServer?

    package init(
        endpoint: String, apiKey: Secret, runnerID: String, userAgent: String, trustRoots: TrustRoots? = nil,
        proxy: ProxyServer? = nil
    ) {
        self.endpoint = endpoint
        self.apiKey = apiKey
        self.runnerID = runnerID
        self.userAgent = userAgent
        self.trustRoots = trustRoots
        self.proxy = proxy
    }
}

/// The real way to the server: HTTP/1.1 with one event loop, TLS verified, redirects never followed.
package struct HTTPServerTransport<C: Clock>: ServerTransport, Service where C.Instant == BootInstant {
    /// How long open connections may take to close.
    private static var closingTime: Duration { .milliseconds(500) }

    private let configuration: TransportConfiguration
    private let client: HTTPClient
    private let clock: C
    private let group: any EventLoopGroup
    private let names: NameProbe<C>
    private let compression = NIOLockedValueBox(BodyCompression())

    /// - Parameters:
    ///   - group: serves the connections; is not shut down here.
    ///   - clock: times the requests.
    package init(configuration: TransportConfiguration, group: any EventLoopGroup, clock: C) {
        self.configuration = configuration
        self.group = group
        self.clock = clock
        names = NameProbe(clock: clock)
        var settings = HTTPClient.Configuration()
        settings.redirectConfiguration = .disallow
        settings.timeout.connect = .seconds(10)
        settings.httpVersion = .http1Only
        // Who sends decides when to try again; a refused connection is told at once.
        settings.connectionPool.retryConnectionEstablishment = false
        settings.connectionPool.idleTimeout = .seconds(90)
        if let trustRoots = configuration.trustRoots {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .certificates(trustRoots.certificates)
            settings.tlsConfiguration = tls
        }
        settings.proxy = configuration.proxy?.setting
        client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: settings)
    }

    /// Lives until the group shuts down; listed first, so that it is the last to go.
    package func run() async throws {
        try? await gracefulShutdown()
        await close()
    }

    /// Closes the connections. Nothing may be sent afterwards.
    package func close() async {
        let signal = WakeSignal()
        // Awaited as long as it may take: a connection that is being made can't be given up, and would last 10 s.
        Task {
            try? await client.shutdown()
            signal.raise()
        }
        await signal.wait(until: clock.now.advanced(by: Self.closingTime), clock: clock)
    }

    package func send(_ request: ServerRequest) async -> ServerReply {
        // The client's own limit ends with the head of an answer: its body could take for ever.
        await withTaskGroup(of: ServerReply?.self) { group in
            group.addTask { await exchange(request) }
            group.addTask {
                do { try await clock.sleep(for: request.timeLimit) } catch { return nil }
                return .unreachable("no answer in time")
            }
            defer { group.cancelAll() }
            while let reply = await group.next() {
                if let reply { return reply }
            }
            return .unreachable("the request was given up")
        }
    }

    private func exchange(_ request: ServerRequest) async -> ServerReply {
        do {
            var response = try await execute(request, packsBody: packsBody(of: request))
            if response.isUnread {
                // Read to its end, so that the connection can be used again.
                _ = await Self.collect(response.answer.body)
                response = try await execute(request, packsBody: false)
            }
            let answer = response.answer
            let retryAfter = answer.headers.first(name: "Retry-After").flatMap { UInt32($0) }
            return .answer(
                status: Int(answer.status.code), retryAfter: retryAfter.map { .seconds(Int64($0)) },
                body: await Self.collect(answer.body))
        } catch {
            return .unreachable(await words(for: error))
        }
    }

    private func packsBody(of request: ServerRequest) -> Bool {
        guard let body = request.body else { return false }
        return compression.withLockedValue { $0.applies(to: body, at: clock.now) }
    }

    /// Sends a request once; `isUnread` asks for it to be sent again with its body as it is.
    private func execute(
        _ request: ServerRequest, packsBody: Bool
    ) async throws -> (answer: HTTPClientResponse, isUnread: Bool) {
        var message = HTTPClientRequest(url: configuration.endpoint + request.path)
        message.method = .init(rawValue: request.method.rawValue)
        message.headers.add(name: WireHeader.apiKey, value: configuration.apiKey.value)
        message.headers.add(name: WireHeader.runnerID, value: configuration.runnerID)
        message.headers.add(name: "User-Agent", value: configuration.userAgent)
        var packed: [UInt8]?
        if let body = request.body {
            packed = packsBody ? Gzip.pack(body) : nil
            message.headers.add(name: "Content-Type", value: "application/json")
            if packed != nil { message.headers.add(name: "Content-Encoding", value: "gzip") }
            message.body = .bytes(ByteBuffer(bytes: packed ?? body))
        }
        let answer = try await client.execute(message, timeout: TimeAmount(request.timeLimit))
        let isUnread = compression.withLockedValue { [isPacked = packed != nil] in
            $0.note(
                status: Int(answer.status.code), acceptEncoding: answer.headers[canonicalForm: "Accept-Encoding"],
                isPacked: isPacked, at: clock.now)
        }
        return (answer, isUnread)
    }

    private func words(for error: any Error) async -> String {
        let place = TransportFailure.Place(configuration)
        if TransportFailure.isConnectTimeout(error), let name = place.nameToResolve {
            return TransportFailure.words(forNoConnection: await names.finding(name), at: place)
        }
        guard TransportFailure.isDistrust(error) else { return TransportFailure.words(for: error, at: place) }
        // Through a proxy it is not asked again.
        let certificates =
            configuration.proxy == nil
            ? await CertificateProbe(host: place.host, port: place.port, group: group).certificates() : []
        let chain = certificates.map {
            CertificateDoubt.Validity(notBefore: $0.notValidBefore, notAfter: $0.notValidAfter)
        }
        return CertificateDoubt(chain, now: Int(WireTime(Date()).millisecondsSince1970 / 1000))
            .words(hasTrustRoots: configuration.trustRoots != nil)
    }

    /// The whole body, or nil when it is longer than a peer may send or broke off.
    private static func collect(_ body: HTTPClientResponse.Body) async -> [UInt8]? {
        do {
            return [UInt8](buffer: try await body.collect(upTo: WireLimits.bodyBytes))
        } catch {
            return nil
        }
    }
}

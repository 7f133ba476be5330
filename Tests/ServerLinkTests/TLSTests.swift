import ServerLink
import SystemPackage
import SystemSupport
import TestSupport
import Testing
import WireProtocol

/// A server that speaks TLS, one that only should, and proxies on the way: real sockets, certificates made for the test.
@Suite(.timeLimit(.minutes(1))) struct TLSTests {
    private let get = ServerRequest(.get, WirePath.commands)

    /// Asks a stub that has this certificate, and says what came back.
    private func reply(
        from identity: TestAuthority.Identity, trusting trusted: TestAuthority?, at host: String = "localhost"
    ) async throws -> ServerReply {
        try await withStubServer(.init(identity: identity)) { stub in
            stub.script(.any, always: .json("{}"))
            let reply = try await withTransport(
                to: "https://\(host):\(stub.port)", trusting: trusted.map(Self.roots)
            ) { await $0.send(get) }
            if case .unreachable = reply { #expect(stub.requests.isEmpty, "a server that is not believed got the key") }
            return reply
        }
    }

    private static func roots(_ authority: TestAuthority) throws -> TrustRoots {
        try TrustRoots(pem: readWholeFile(authority.certificate, limit: 1 << 20))
    }

    private let taken = ServerReply.answer(status: 200, retryAfter: nil, body: Array("{}".utf8))

    // MARK: - Certificates

    @Test func aServerOfATrustedAuthorityIsBelieved() async throws {
        let authority = try await TestAuthority()
        #expect(try await reply(from: authority.identity(for: "DNS:localhost"), trusting: authority) == taken)
    }

    @Test func aServerIsBelievedUnderItsAddressToo() async throws {
        let authority = try await TestAuthority()
        let identity = try await authority.identity(for: "IP:127.0.0.1")
        #expect(try await reply(from: identity, trusting: authority, at: "127.0.0.1") == taken)
    }

    @Test func anUnknownAuthorityIsToldWithTheFlagThatNamesIt() async throws {
        let authority = try await TestAuthority()
        let identity = try await authority.identity(for: "DNS:localhost")
        #expect(
            try await reply(from: identity, trusting: nil)
                == .unreachable(
                    "TLS: the server's certificate comes from an authority that is not known here: "
                        + "name the authority that signed it with --ca-file FILE"))
        #expect(
            try await reply(from: identity, trusting: TestAuthority())
                == .unreachable(
                    "TLS: the server's certificate comes from an authority that is not known here: "
                        + "--ca-file does not hold the authority that signed it"))
    }

    @Test func anExpiredCertificateIsToldWithItsDate() async throws {
        let authority = try await TestAuthority()
        #expect(
            try await reply(from: authority.identity(for: "DNS:localhost", valid: .past), trusting: authority)
                == .unreachable(
                    "TLS: the server's certificate expired on 2021-01-02T03:04:05Z: "
                        + "it must be renewed, or the clock here set right"))
    }

    @Test func aCertificateOfTheFutureIsToldWithItsDate() async throws {
        let authority = try await TestAuthority()
        #expect(
            try await reply(from: authority.identity(for: "DNS:localhost", valid: .future), trusting: authority)
                == .unreachable(
                    "TLS: the server's certificate is not valid before 2090-01-02T03:04:05Z: "
                        + "set the clock right, here or where it was made"))
    }

    @Test(arguments: [("DNS:elsewhere.example", "localhost"), ("DNS:localhost", "127.0.0.1")])
    func aCertificateOfAnotherNameIsTold(name: String, host: String) async throws {
        let authority = try await TestAuthority()
        #expect(
            try await reply(from: authority.identity(for: name), trusting: authority, at: host)
                == .unreachable(
                    "TLS: the server's certificate is for another name than \(host): "
                        + "use a name that it holds in --endpoint"))
    }

    @Test func aServerThatAsksForACertificateIsTold() async throws {
        let authority = try await TestAuthority()
        let identity = try await authority.identity(for: "DNS:localhost")
        try await withStubServer(.init(identity: identity, clients: authority)) { stub in
            let reply = try await withTransport(
                to: "https://localhost:\(stub.port)", trusting: Self.roots(authority)
            ) { await $0.send(get) }
            guard case .unreachable(let words) = reply else {
                Issue.record("\(reply)")
                return
            }
            #expect(words.hasPrefix("TLS: the server asks for a certificate of its clients, and the runner has none"))
        }
    }

    // MARK: - The wrong scheme

    @Test func aServerThatAnswersInPlainTextIsTold() async throws {
        // It answers 400 to what is no HTTP.
        try await withConnectProxy { plain in
            let reply = try await withTransport(to: "https://localhost:\(plain.port)") { await $0.send(get) }
            #expect(
                reply
                    == .unreachable(
                        "TLS: the server does not answer in TLS: "
                            + "if the server speaks plain http, --endpoint must begin with http://"))
        }
    }

    @Test func aServerThatBreaksTheHandshakeOffIsTold() async throws {
        try await withStubServer { plain in
            let reply = try await withTransport(to: "https://localhost:\(plain.port)") { await $0.send(get) }
            #expect(
                reply
                    == .unreachable(
                        "TLS: the server broke the handshake off: "
                            + "if the server speaks plain http, --endpoint must begin with http://"))
        }
    }

    @Test func aServerWithTLSIsTold() async throws {
        let authority = try await TestAuthority()
        try await withStubServer(.init(identity: authority.identity(for: "DNS:localhost"))) { stub in
            let reply = try await withTransport(to: "http://localhost:\(stub.port)") { await $0.send(get) }
            guard case .unreachable(let reason) = reply else {
                Issue.record("\(reply)")
                return
            }
            #expect(reason.hasSuffix("TLS, --endpoint must begin with https://"))
        }
    }

    // MARK: - Proxies

    @Test(arguments: [true, false]) func aProxyMakesATunnelAndSeesNoKey(hasTLS: Bool) async throws {
        let authority = try await TestAuthority()
        let identity = try await authority.identity(for: "DNS:localhost")
        try await withStubServer(.init(identity: hasTLS ? identity : nil)) { stub in
            stub.script(.any, always: .json("{}"))
            try await withConnectProxy(authorization: "Basic Ym90OnNlc2FtZQ==") { proxy in
                let way = ProxyServer(host: "127.0.0.1", port: proxy.port, user: "bot", password: "sesame")
                let endpoint = "\(hasTLS ? "https" : "http")://localhost:\(stub.port)"
                let reply = try await withTransport(
                    to: endpoint, trusting: Self.roots(authority), through: way
                ) { await $0.send(get) }
                #expect(reply == taken)
                #expect(proxy.requests.map(\.method) == ["CONNECT"])
                #expect(proxy.requests.map(\.target) == ["localhost:\(stub.port)"])
            }
        }
    }

    @Test(
        arguments: [
            (nil, "wants a user and a password: http://USER:PASSWORD@HOST:PORT"),
            (403, "made no tunnel to server.example:443"),
        ] as [(Int?, String)])
    func aProxyThatRefusesIsTold(status: Int?, words: String) async throws {
        try await withConnectProxy(authorization: "Basic other", refusing: status) { proxy in
            let way = ProxyServer(host: "127.0.0.1", port: proxy.port, user: "bot", password: "sesame")
            let reply = try await withTransport(to: "https://server.example", through: way) { await $0.send(get) }
            #expect(reply == .unreachable("the proxy 127.0.0.1:\(proxy.port) \(words)"))
        }
    }

    @Test func aProxyThatIsNotThereIsTold() async throws {
        try await withStubServer { stub in
            try await stub.goAway()
            let way = ProxyServer(host: "127.0.0.1", port: stub.port)
            let reply = try await withTransport(to: "https://server.example", through: way) { await $0.send(get) }
            #expect(
                reply
                    == .unreachable(
                        "the proxy 127.0.0.1:\(stub.port): connection refused: nothing listens there"))
        }
    }

    @Test func nothingShowsTheCredentialsOfAProxy() {
        let proxy = ProxyServer(host: "p", port: 1, user: "bot", password: "sesame")
        var dumped = ""
        dump(proxy, to: &dumped)
        for text in ["\(proxy)", String(reflecting: proxy), dumped] {
            #expect(!text.contains("bot") && !text.contains("sesame"))
        }
    }

    // MARK: - The file of authorities

    @Test(arguments: [
        ("", "is empty"), ("garbage", "holds no certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "holds no certificate that can be read"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "holds no certificate"),
    ])
    func whatHoldsNoCertificateIsRefused(text: String, words: String) {
        do throws(TrustRoots.Problem) {
            _ = try TrustRoots(pem: Array(text.utf8))
            Issue.record("taken")
        } catch {
            #expect(error.words.hasPrefix(words))
            #expect(!error.words.contains("AAAA"))
        }
    }
}

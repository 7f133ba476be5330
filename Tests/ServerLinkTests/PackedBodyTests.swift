import ServerLink
import TestSupport
import Testing
import WireProtocol

/// Bodies as gzip on a real connection.
@Suite(.timeLimit(.minutes(1))) struct PackedBodyTests {
    private static let text =
        #"{"heartbeats": [{"agent": "bot", "status": "ok"}]\#(String(repeating: " ", count: 2000))}"#
    private let post = ServerRequest(.post, WirePath.batch, body: Array(Self.text.utf8))
    private let small = ServerRequest(.post, WirePath.batch, body: Array(#"{"heartbeats": []}"#.utf8))
    private let get = ServerRequest(.get, WirePath.commands)

    @Test func aServerThatOffersGzipGetsItFromTheNextLargeBodyOn() async throws {
        try await withStubServer { stub in
            stub.script(.any, always: .json("{}"))
            try await withTransport(to: stub.endpoint) { transport in
                for request in [post, post, small, get] { _ = await transport.send(request) }
            }
            #expect(encodings(stub) == [nil, "gzip", nil, nil])
            #expect(stub.requests.map(\.text) == [Self.text, Self.text, #"{"heartbeats": []}"#, ""])
            #expect(stub.requests[1].header("Content-Type") == "application/json")
            #expect(stub.requests[1].header("Content-Length").flatMap { Int($0) }.map { $0 < 100 } == true)
            #expect(Set(stub.requests.map(\.connection)).count == 1)
        }
    }

    @Test func anyAnswerCanOfferIt() async throws {
        try await withStubServer { stub in
            stub.script(.commands, .refusal(429))
            try await withTransport(to: stub.endpoint) { transport in
                for request in [get, post] { _ = await transport.send(request) }
            }
            #expect(encodings(stub) == [nil, "gzip"])
        }
    }

    @Test(arguments: [StubServer.Configuration(offersGzip: false), .olderServer])
    func aServerThatDoesNotOfferItNeverGetsIt(configuration: StubServer.Configuration) async throws {
        try await withStubServer(configuration) { stub in
            try await withTransport(to: stub.endpoint) { transport in
                for request in [get, post, post, post] { _ = await transport.send(request) }
            }
            #expect(encodings(stub) == [nil, nil, nil, nil])
        }
    }

    @Test func anOfferThatIsGoneIsForgottenAndOneThatComesBackTaken() async throws {
        try await withStubServer { stub in
            stub.script(.any, always: .json("{}"))
            try await withTransport(to: stub.endpoint) { transport in
                for offers in [true, false, true] {
                    stub.offerGzip(offers)
                    for request in [get, post] { _ = await transport.send(request) }
                }
            }
            #expect(encodings(stub) == [nil, "gzip", nil, nil, nil, "gzip"])
        }
    }

    @Test(arguments: [400, 415, 422])
    func aBodyThatWasNotReadIsSentAgainAsItIsAndOnlyTheSecondAnswerCounts(status: Int) async throws {
        try await withStubServer { stub in
            stub.script(.any, .json("{}"), .refusal(status), .json(#"{"ok": true}"#))
            try await withTransport(to: stub.endpoint) { transport in
                _ = await transport.send(get)
                let reply = await transport.send(post)
                #expect(reply == .answer(status: 200, retryAfter: nil, body: Array(#"{"ok": true}"#.utf8)))
                _ = await transport.send(post)
            }
            #expect(encodings(stub) == [nil, "gzip", nil, nil])
            #expect(stub.requests.dropFirst().map(\.text) == [Self.text, Self.text, Self.text])
            // The refusal was read to its end: its connection served on.
            #expect(Set(stub.requests.map(\.connection)).count == 1)
        }
    }

    @Test func aBodyIsSentAgainOnce() async throws {
        try await withStubServer { stub in
            stub.script(.batch, always: .refusal(415))
            try await withTransport(to: stub.endpoint) { transport in
                _ = await transport.send(get)
                guard case .answer(status: 415, _, _) = await transport.send(post) else {
                    Issue.record("no answer, or another one")
                    return
                }
            }
            #expect(encodings(stub) == [nil, "gzip", nil])
        }
    }

    /// The server went back to a version that does not know gzip, and had said nothing since.
    @Test func anOlderServerThatTookOverLosesNothing() async throws {
        try await withStubServer { stub in
            try await withTransport(to: stub.endpoint) { transport in
                _ = await transport.send(get)
                stub.offerGzip(false)
                _ = await transport.send(post)
            }
            #expect(stub.requests.map { $0.header("Content-Encoding") } == [nil, "gzip", nil])
            #expect(stub.requests.last?.text == Self.text)
        }
    }

    private func encodings(_ stub: StubServer) -> [String?] {
        stub.requests.map { $0.header("Content-Encoding") }
    }
}

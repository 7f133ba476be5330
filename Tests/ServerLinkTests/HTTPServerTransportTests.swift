import NIOCore
import NIOPosix
import ServerLink
import TestSupport
import Testing
import WireProtocol

@Suite(.timeLimit(.minutes(1))) struct HTTPServerTransportTests {
    private let post = ServerRequest(.post, WirePath.batch, body: Array(#"{"heartbeats": []}"#.utf8))
    private let get = ServerRequest(.get, "\(WirePath.commands)?wait=55")

    // MARK: - What is sent

    @Test func aRequestCarriesTheKeyAndTheRunnerInItsHeadersAndNowhereElse() async throws {
        try await withStubServer { stub in
            try await withTransport(to: stub.endpoint) { transport in
                stub.script(.any, always: .json("{}"))
                for request in [self.post, self.get] { _ = await transport.send(request) }
            }
            let post = try #require(stub.requests.first)
            let get = try #require(stub.requests.last)
            #expect(post.method == "POST")
            #expect(post.path == "/api/v1/heartbeat/batch")
            #expect(post.text == #"{"heartbeats": []}"#)
            #expect(post.header("Content-Type") == "application/json")
            #expect(get.method == "GET")
            #expect(get.path == "/api/v1/commands")
            #expect(get.query == ["wait": "55"])
            #expect(get.body.isEmpty)
            for request in [post, get] {
                #expect(request.header("X-API-Key") == testKey)
                #expect(request.header("X-Runner-Id") == "runner-1")
                #expect(request.header("User-Agent") == "clevagent-runner/test")
                let elsewhere = request.headers.filter { $0.name != "X-API-Key" }.map(\.value)
                #expect(!(elsewhere + [request.path, request.text]).joined().contains(testKey))
            }
            // One connection serves them all.
            #expect(post.connection == get.connection)
        }
    }

    @Test func anEndpointMayHaveAPath() async throws {
        try await withStubServer { stub in
            try await withTransport(to: stub.endpoint + "/behind/a/proxy") { _ = await $0.send(get) }
            #expect(stub.requests.map(\.path) == ["/behind/a/proxy/api/v1/commands"])
        }
    }

    // MARK: - What comes back

    @Test(arguments: [200, 204, 400, 401, 404, 422, 429, 500, 503]) func anAnswerIsAnAnswer(status: Int) async throws {
        try await withStubServer { stub in
            stub.script(.any, .json(#"{"detail": "x"}"#, status: status))
            let reply = try await withTransport(to: stub.endpoint) { await $0.send(get) }
            guard case .answer(status, retryAfter: nil, let body) = reply else {
                Issue.record("\(reply)")
                return
            }
            #expect(status == 204 || body == Array(#"{"detail": "x"}"#.utf8))
        }
    }

    @Test(arguments: [301, 302, 303, 307, 308]) func aRedirectIsNotFollowed(status: Int) async throws {
        try await withStubServer { elsewhere in
            try await withStubServer { stub in
                stub.script(.any, always: .redirect(to: elsewhere.endpoint + WirePath.batch, status: status))
                try await withTransport(to: stub.endpoint) { transport in
                    for request in [post, get] {
                        #expect(await transport.send(request) == .answer(status: status, retryAfter: nil, body: []))
                    }
                }
            }
            #expect(elsewhere.requests.isEmpty)
        }
    }

    @Test(
        arguments: [
            ("7", .seconds(7)), ("0", .zero), ("4294967295", .seconds(4_294_967_295)), ("4294967296", nil), ("-1", nil),
            ("1.5", nil), ("soon", nil), ("", nil), ("Wed, 21 Oct 2026 07:28:00 GMT", nil),
        ] as [(String, Duration?)])
    func theServersWishForPatienceIsWholeSeconds(text: String, wish: Duration?) async throws {
        try await withStubServer { stub in
            stub.script(.any, .reply(503, headers: [(name: "Retry-After", value: text)]))
            let reply = try await withTransport(to: stub.endpoint) { await $0.send(get) }
            #expect(reply == .answer(status: 503, retryAfter: wish, body: []))
        }
    }

    @Test(arguments: [(WireLimits.bodyBytes, true), (WireLimits.bodyBytes + 1, false), (10 << 20, false)])
    func aBodyIsTakenUpToAMebibyte(bytes: Int, isTaken: Bool) async throws {
        try await withStubServer { stub in
            stub.script(.any, .huge(bytes: bytes))
            let reply = try await withTransport(to: stub.endpoint) { await $0.send(get) }
            guard case .answer(status: 200, retryAfter: nil, let body) = reply else {
                Issue.record("\(reply)")
                return
            }
            #expect(body?.count == (isTaken ? bytes : nil))
        }
    }

    @Test func aBodyThatBreaksOffIsNone() async throws {
        try await withStubServer { stub in
            stub.script(.any, .truncated())
            let reply = try await withTransport(to: stub.endpoint) { await $0.send(get) }
            #expect(reply == .answer(status: 200, retryAfter: nil, body: nil))
        }
    }

    // MARK: - What does not come back

    @Test func whereNobodyListensTheConnectionIsRefusedAtOnce() async throws {
        try await withStubServer { stub in
            try await stub.goAway()
            let reply = try await withTransport(to: stub.endpoint) { await $0.send(post) }
            #expect(reply == .unreachable("connection refused: nothing listens there"))
        }
    }

    @Test func aServerThatClosesWithoutAnAnswerSaysNothing() async throws {
        try await withStubServer { stub in
            stub.script(.any, always: .close)
            try await withTransport(to: stub.endpoint) { transport in
                for request in [post, get] {
                    #expect(
                        await transport.send(request)
                            == .unreachable(
                                "the server closed the connection without an answer; "
                                    + "if it speaks TLS, --endpoint must begin with https://"))
                }
            }
        }
    }

    @Test(arguments: [
        "SSH-2.0-OpenSSH_9.2\r\n", "\u{0}\u{1}\u{2}", "HTTP/1.1 banana\r\n\r\n", "HTTP/9.9 200 OK\r\n\r\n",
    ])
    func bytesThatAreNoHTTPAreToldInOneLine(text: String) async throws {
        try await withStubServer { stub in
            stub.script(.any, always: .raw(Array(text.utf8)))
            let reply = try await withTransport(to: stub.endpoint) { await $0.send(get) }
            guard case .unreachable(let reason) = reply else {
                Issue.record("\(reply)")
                return
            }
            #expect(!reason.isEmpty)
            #expect(reason.count < 200)
            #expect(reason.split(whereSeparator: \.isNewline).count == 1)
        }
    }

    @Test(arguments: [
        // Not a byte; the head and a byte of the body now and then.
        StubServer.Answer.hang, .drip(#"{"ok": true}"#, every: .seconds(3600)),
        .drip(#"{"ok": true}"# + String(repeating: " ", count: 100_000), every: .milliseconds(10)),
    ])
    func aServerThatHangsHasUntilTheTimeLimit(answer: StubServer.Answer) async throws {
        try await withStubServer { stub in
            stub.script(.any, always: answer)
            let clock = TestClock()
            let reply = try await withTransport(to: stub.endpoint, clock: clock) { transport in
                async let reply = transport.send(post)
                _ = try await stub.request(.batch)
                await clock.sleep(lasting: post.timeLimit)
                clock.advance(by: post.timeLimit)
                return await reply
            }
            #expect(reply == .unreachable("no answer in time"))
        }
    }

    @Test func aRequestThatIsNoLongerWantedIsGivenUp() async throws {
        try await withStubServer { stub in
            try await withTransport(to: stub.endpoint) { transport in
                try await withThrowingTaskGroup(of: ServerReply.self) { group in
                    group.addTask { await transport.send(get) }
                    try await stub.heldPoll()
                    group.cancelAll()
                    #expect(try await group.next() == .unreachable("the request was given up"))
                }
            }
        }
    }

    @Test func aConnectionThatIsNeverMadeDoesNotHoldUpTheEnd() async throws {
        let port = try SilentPort()
        let clock = TestClock()
        let transport = HTTPServerTransport(
            configuration: .init(
                endpoint: "http://127.0.0.1:\(port.number)", apiKey: Secret(value: testKey), runnerID: "runner-1",
                userAgent: "test"),
            group: NIOSingletons.posixEventLoopGroup, clock: clock)
        let ending = {
            await clock.sleep(lasting: .milliseconds(500))
            clock.advance(by: .milliseconds(500))
        }
        let reply = try await beside({ try await transport.run() }, ending: ending) {
            async let reply = transport.send(post)
            await clock.sleep(lasting: post.timeLimit)
            clock.advance(by: post.timeLimit)
            return await reply
        }
        #expect(reply == .unreachable("no answer in time"))
        withExtendedLifetime(port) {}
    }

    @Test func aServerThatComesBackIsReachedAgain() async throws {
        try await withStubServer { stub in
            try await withTransport(to: stub.endpoint) { transport in
                stub.script(.any, always: .json("{}"))
                #expect(await transport.send(post) == .answer(status: 200, retryAfter: nil, body: Array("{}".utf8)))
                try await stub.goAway()
                guard case .unreachable = await transport.send(post) else {
                    Issue.record("an answer from nobody")
                    return
                }
                try await stub.comeBack()
                #expect(await transport.send(post) == .answer(status: 200, retryAfter: nil, body: Array("{}".utf8)))
            }
        }
    }
}

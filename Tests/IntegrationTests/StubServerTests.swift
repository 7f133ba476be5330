import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import TestSupport
import Testing
import WireProtocol

/// What the other suites rely on when they talk to the stub.
@Suite struct StubServerTests {
    @Test func recordsARequestAndAnswersAsTheProtocolSays() async throws {
        try await withStubServer { stub in
            let answer = try await send(.POST, WirePath.heartbeat, #"{"agent": "bot", "status": "ok"}"#, to: stub)
            #expect(answer.status == .ok)
            #expect(answer.text.contains(#""agent_id":1"#))
            let request = try await stub.request(.heartbeat)
            #expect(request.header("x-api-key") == "cv_test")
            #expect(request.text == #"{"agent": "bot", "status": "ok"}"#)
            #expect(stub.heartbeats.map(\.heartbeat.agent) == ["bot"])
        }
    }

    @Test func judgesTheItemsOfABatchOneByOne() async throws {
        try await withStubServer { stub in
            stub.refuse(agent: "bad", because: "no such agent here")
            let body = #"{"heartbeats": [{"agent": "bad", "status": "ok"}, 7, {"agent": "good", "status": "error"}]}"#
            let answer = try await send(.POST, WirePath.batch, body, to: stub)
            #expect(answer.text.contains(#""accepted":1"#))
            let good = try await stub.heartbeat { $0.agent == "good" }
            #expect(good.heartbeat.status == .error)
            #expect(stub.heartbeats.map(\.accepted) == [false, true])
        }
    }

    @Test(arguments: [404, 405]) func knowsNoBatchesAndNoWaitingWithTheBaseProtocol(status: Int) async throws {
        let base = StubServer.Configuration(knowledge: .base(batchStatus: status))
        try await withStubServer(base) { stub in
            let batch = try await send(.POST, WirePath.batch, #"{"heartbeats": []}"#, to: stub)
            #expect(batch.status.code == UInt(status))
            let poll = try await send(.GET, WirePath.commands + "?wait=55", nil, to: stub)
            #expect(poll.text == "[]")
        }
    }

    @Test func answersAHeldPollWhenACommandIsQueued() async throws {
        try await withStubServer { stub in
            async let poll = send(.GET, WirePath.commands + "?wait=55", nil, to: stub)
            try await stub.heldPoll()
            let command = stub.queue("restart", target: "/run/bot.pid", agent: "bot")
            let answer = try await poll
            #expect(answer.text.contains("\"id\":\(command.id)"))
            #expect(stub.deliveries(of: command.id) == 1)
        }
    }

    @Test func offersACommandUntilItsResultWasTaken() async throws {
        try await withStubServer(.olderServer) { stub in
            let command = stub.queue("stop", target: "/run/bot.pid")
            for _ in 1...2 {
                let poll = try await send(.GET, WirePath.commands, nil, to: stub)
                #expect(poll.text.contains("\(command.id)"))
            }
            _ = try await send(.POST, WirePath.result(of: command.id), #"{"status": "completed"}"#, to: stub)
            let poll = try await send(.GET, WirePath.commands, nil, to: stub)
            #expect(poll.text == "[]")
            let result = try await stub.result(of: command.id)
            #expect(result.result.status == .completed)
        }
    }

    @Test func losesAResultThatItStored() async throws {
        try await withStubServer { stub in
            let command = stub.queue("restart", target: "/run/bot.pid")
            stub.loseResults(1)
            await #expect(throws: (any Error).self) {
                try await send(.POST, WirePath.result(of: command.id), #"{"status": "failed"}"#, to: stub)
            }
            let result = try await stub.result(of: command.id)
            #expect(result.result.status == .failed)
        }
    }

    @Test func givesScriptedAnswersInOrderAndThenTheTrueOnes() async throws {
        try await withStubServer { stub in
            stub.script(.heartbeat, .refusal(503, retryAfter: 2), .html(), .redirect(to: "http://127.0.0.1:1/"))
            let body = #"{"agent": "bot", "status": "ok"}"#
            let first = try await send(.POST, WirePath.heartbeat, body, to: stub)
            #expect(first.status == .serviceUnavailable)
            #expect(first.headers.first(name: "Retry-After") == "2")
            let second = try await send(.POST, WirePath.heartbeat, body, to: stub)
            #expect(second.text.hasPrefix("<html>"))
            let third = try await send(.POST, WirePath.heartbeat, body, to: stub)
            #expect(third.status == .temporaryRedirect)
            #expect(stub.heartbeats.isEmpty)
            let fourth = try await send(.POST, WirePath.heartbeat, body, to: stub)
            #expect(fourth.status == .ok)
            #expect(stub.heartbeats.count == 1)
        }
    }

    @Test(arguments: [StubServer.Answer.close, .truncated(), .raw(Array("no http\r\n\r\n".utf8))])
    func canBreakAnAnswer(answer: StubServer.Answer) async throws {
        try await withStubServer { stub in
            stub.script(.any, answer)
            await #expect(throws: (any Error).self) {
                try await send(.GET, WirePath.commands, nil, to: stub)
            }
        }
    }

    @Test func dripsAndPadsAnAnswer() async throws {
        try await withStubServer { stub in
            stub.script(.any, .drip("[1, 2]", every: .milliseconds(1)), .huge(bytes: 70_000))
            let dripped = try await send(.GET, WirePath.commands, nil, to: stub)
            #expect(dripped.text == "[1, 2]")
            let padded = try await send(.GET, WirePath.commands, nil, to: stub)
            #expect(padded.text.utf8.count == 70_000)
        }
    }

    @Test func refusesConnectionsWhileItIsAway() async throws {
        try await withStubServer { stub in
            try await stub.goAway()
            await #expect(throws: (any Error).self) { try await send(.GET, WirePath.commands, nil, to: stub) }
            try await stub.comeBack()
            let answer = try await send(.GET, WirePath.commands, nil, to: stub)
            #expect(answer.text == "[]")
        }
    }

    @Test func saysWhatCameInsteadWhenAWaitEnds() async throws {
        try await withStubServer { stub in
            _ = try await send(.GET, WirePath.commands, nil, to: stub)
            let error = await #expect(throws: StubServerError.self) {
                _ = try await stub.heartbeat(within: .milliseconds(5))
            }
            #expect(error.map { "\($0)".contains("GET /api/v1/commands") } == true)
        }
    }

    @Test func streamsEveryRequestFromTheFirstOn() async throws {
        try await withStubServer { stub in
            for path in ["/a", "/b"] { _ = try await send(.GET, path, nil, to: stub) }
            var paths: [String] = []
            for await request in stub.requestStream.prefix(2) { paths.append(request.path) }
            #expect(paths == ["/a", "/b"])
        }
    }
}

private struct Answered: Sendable {
    var status: HTTPResponseStatus
    var headers: HTTPHeaders
    var text: String
}

/// Sends one request as a client without redirects would.
private func send(
    _ method: HTTPMethod, _ path: String, _ body: String?, to stub: StubServer
) async throws -> Answered {
    var request = HTTPClientRequest(url: stub.endpoint + path)
    request.method = method
    request.headers.add(name: WireHeader.apiKey, value: "cv_test")
    if let body { request.body = .bytes(ByteBuffer(string: body)) }
    var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
    configuration.connectionPool.retryConnectionEstablishment = false
    let client = HTTPClient(configuration: configuration)
    do {
        let response = try await client.execute(request, timeout: .seconds(10))
        let text = String(buffer: try await response.body.collect(upTo: 20 << 20))
        try await client.shutdown()
        return Answered(status: response.status, headers: response.headers, text: text)
    } catch {
        try await client.shutdown()
        throw error
    }
}

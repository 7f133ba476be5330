import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import ServerDomain
import ServerTestSupport
import Testing
import WireProtocol

@Suite struct HeartbeatRouteTests {
    @Test func `A heartbeat of an older SDK is answered as it expects`() async throws {
        let server = try await TestServer()
        try await server.app.test(.router) { client in
            let answer = try await client.api(
                .post, "/heartbeat", key: server.key,
                body: #"{"agent": "my-bot", "status": "ok", "message": null, "tokens_used": 5, "agent_type": "claude"}"#
            )
            #expect(answer.status == .ok)
            #expect(answer.text == #"{"agent":"my-bot","agent_id":1,"ok":true,"status":"ok"}"#)
        }
    }

    @Test func `Status shows what is known and null where nothing is`() async throws {
        let manual = ManualClock()
        let server = try await TestServer(clock: manual.clock)
        try await server.app.test(.router) { client in
            _ = try await client.api(
                .post, "/heartbeat", key: server.key,
                body: #"{"agent": "my-bot", "restart_type": "docker", "restart_target": "my-bot", "memory_mb": 81.5}"#)
            let answer = try await client.api(.get, "/status?limit=1&offset=0", key: server.key)
            #expect(
                answer.text == """
                    {"agents":[{"agent":"my-bot","agent_id":1,"agent_type":null,"cost_usd_today":0,"instances":\
                    [{"hostname":null,"interval":null,"last_heartbeat":"2027-01-15T08:00:00.000Z","runner_id":null,\
                    "source":"runner","status":"ok"}],"last_heartbeat":"2027-01-15T08:00:00.000Z","memory_mb":81.5,\
                    "message":null,"restart_target":"my-bot","restart_type":"docker","restarts_today":0,"status":"ok",\
                    "tokens_today":0}],"limit":1,"offset":0,"total":1}
                    """)
        }
    }

    @Test(arguments: [
        ("/heartbeat", "", HTTPResponse.Status.unprocessableContent), ("/heartbeat", "{", .unprocessableContent),
        ("/heartbeat", "[]", .unprocessableContent), ("/heartbeat", "null", .unprocessableContent),
        ("/heartbeat", "7", .unprocessableContent), ("/heartbeat", "NaN", .unprocessableContent),
        ("/heartbeat", #"{"agent": "a", "cost_usd": NaN}"#, .unprocessableContent),
        ("/heartbeat", #"{"agent": "a", "seq": 1e400}"#, .unprocessableContent),
        ("/heartbeat", String(repeating: "[", count: 100_000), .unprocessableContent),
        (
            "/heartbeat", #"{"agent": "a", "custom_data": \#(String(repeating: #"{"a":"#, count: 5000))"#,
            .unprocessableContent
        ),
        ("/heartbeat", String(repeating: " ", count: 1_048_577), .contentTooLarge),
        ("/heartbeat/batch", "", .unprocessableContent), ("/heartbeat/batch", "{}", .unprocessableContent),
        ("/heartbeat/batch", #"{"heartbeats": 7}"#, .unprocessableContent),
        ("/commands/1/result", "{}", .unprocessableContent), ("/commands/1/result", "[]", .unprocessableContent),
        ("/commands/1/result", #"{"status": "done"}"#, .unprocessableContent),
        ("/commands/1/result", #"{"status": "completed"}"#, .notFound),
        ("/commands/x/result", #"{"status": "completed"}"#, .notFound),
        ("/commands/99999999999999999999/result", #"{"status": "completed"}"#, .notFound),
        ("/agents/1/commands", #"{"action": "restart"}"#, .notFound),
        ("/agents/1/commands", #"{"action": "explode"}"#, .unprocessableContent),
        ("/agents/x/commands", #"{"action": "restart"}"#, .notFound),
    ])
    func `Nonsense is refused by name, never with 500`(
        path: String, body: String, status: HTTPResponse.Status
    ) async throws {
        let server = try await TestServer()
        try await server.app.test(.router) { client in
            let answer = try await client.api(.post, path, key: server.key, body: body)
            #expect(answer.status == status)
            #expect(answer.json?["detail"]?.string?.isEmpty == false)
            #expect((answer.json?["errors"] != nil) == (status == .unprocessableContent))
        }
    }

    @Test func `Bytes that are no text are refused`() async throws {
        let server = try await TestServer()
        try await server.app.test(.router) { client in
            var bytes = Array(#"{"agent": "a"#.utf8)
            bytes += [0xFF, 0xFE, 0xC0]
            bytes += Array(#""}"#.utf8)
            let headers: HTTPFields = [try #require(HTTPField.Name(WireHeader.apiKey)): server.key.text]
            try await client.execute(
                uri: "/api/v1/heartbeat", method: .post, headers: headers, body: ByteBuffer(bytes: bytes)
            ) { answer in
                #expect(answer.status == .unprocessableContent)
            }
        }
    }

    @Test func `A batch is judged item by item, in order`() async throws {
        let server = try await TestServer()
        try await server.app.test(.router) { client in
            let answer = try await client.api(
                .post, "/heartbeat/batch", key: server.key,
                body: #"{"heartbeats": [{"agent": "a"}, {"agent": "b", "status": "x"}, 5, {"agent": "c"}]}"#)
            #expect(answer.status == .ok)
            #expect(answer.json?["accepted"] == .integer(2))
            #expect(
                answer.json?["results"]?.items.map { $0["ok"] } == [
                    .bool(true), .bool(false), .bool(false), .bool(true),
                ])
            #expect(
                answer.json?["results"]?.items.dropFirst().first?["error"]?.string
                    == "status: must be ok, warning, error or shutdown")
        }
    }

    @Test func `A bare array is a batch too, and 101 items are too many`() async throws {
        let server = try await TestServer()
        try await server.app.test(.router) { client in
            let bare = try await client.api(.post, "/heartbeat/batch", key: server.key, body: #"[{"agent": "a"}]"#)
            #expect(bare.json?["accepted"] == .integer(1))
            let items = Array(repeating: #"{"agent": "a"}"#, count: 101).joined(separator: ",")
            let many = try await client.api(.post, "/heartbeat/batch", key: server.key, body: "[\(items)]")
            #expect(many.status == .unprocessableContent)
        }
    }

    @Test func `A runner's batch makes it known, and its events are dated by their age`() async throws {
        let manual = ManualClock()
        let server = try await TestServer(clock: manual.clock)
        try await server.app.test(.router) { client in
            let answer = try await client.api(
                .post, "/heartbeat/batch", key: server.key, runner: "r1",
                body: #"""
                    {"sent_at": "2020-01-01T00:00:30.000Z",
                     "runner": {"id": "r1", "hostname": "web-1", "version": "1", "state": "starting"},
                     "heartbeats": [{"agent": "a", "status": "error", "observed_at": "2020-01-01T00:00:10.000Z",
                       "event_id": "e1", "event": {"kind": "died", "signal": 9}}]}
                    """#)
            #expect(answer.status == .ok)
            let events = try await client.api(.get, "/events", key: server.key).json
            #expect(events?["events"]?.items.map { $0["kind"]?.string } == ["runner_started", "died"])
            let died = events?["events"]?.items.last
            #expect(died?["at"]?.string == "2027-01-15T07:59:40.000Z")
            #expect(died?["received_at"]?.string == "2027-01-15T08:00:00.000Z")
            #expect(died?["data"]?["signal"] == .integer(9))
            let rest = try await client.api(.get, "/events?after=\(events?["next"]?.int ?? 0)", key: server.key)
            #expect(rest.json?["events"]?.items == [])
            let runners = try await client.api(.get, "/runners", key: server.key).json
            #expect(runners?["runners"]?.items.first?["hostname"]?.string == "web-1")
            #expect(runners?["runners"]?.items.first?["agents"] == .integer(1))
        }
    }

    @Test func `An event that was delivered before the server's restart does not count again`() async throws {
        let body = #"{"agent": "a", "event_id": "e1", "event": {"kind": "died"}}"#
        let server = try await TestServer()
        try await server.app.test(.router) { client in
            for _ in 0..<2 {
                let answer = try await client.api(.post, "/heartbeat", key: server.key, body: body)
                #expect(answer.status == .ok)
                #expect(answer.json?["agent_id"] == .integer(1))
            }
            let events = try await client.api(.get, "/events", key: server.key).json
            #expect(events?["events"]?.items.count == 1)
        }
    }
}

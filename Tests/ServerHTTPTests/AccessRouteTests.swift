import HTTPTypes
import Hummingbird
import HummingbirdTesting
import ServerDomain
import ServerTestSupport
import StoreSQLite
import Testing

@Suite struct AccessRouteTests {
    @Test(arguments: [
        (HTTPRequest.Method.post, "/heartbeat"), (.post, "/heartbeat/batch"), (.get, "/status"), (.get, "/commands"),
        (.post, "/commands/1/result"), (.post, "/agents/1/commands"), (.get, "/events"), (.get, "/runners"),
        (.get, "/agents/1"),
    ])
    func `Without a valid key nothing is answered`(method: HTTPRequest.Method, path: String) async throws {
        let server = try await TestServer()
        try await server.app.test(.router) { client in
            for key in [nil, Secret(text: ""), Secret(text: "cv_wrong"), Secret.apiKey()] {
                let answer = try await client.api(method, path, key: key, body: "{}")
                #expect(answer.status == .unauthorized)
                #expect(answer.json?["detail"]?.string == "Missing or invalid API key")
            }
        }
    }

    @Test func `A key does what its scopes say, and nothing after its revocation`() async throws {
        let server = try await TestServer()
        let reader = try await server.key([.read])
        let admin = try await server.key([.admin])
        try await server.app.test(.router) { client in
            #expect(try await client.api(.get, "/status", key: reader).status == .ok)
            #expect(try await client.api(.post, "/heartbeat", key: reader, body: "{}").status == .forbidden)
            #expect(
                try await client.api(.post, "/agents/1/commands", key: reader, body: "{}").status == .forbidden)
            #expect(try await client.api(.get, "/status", key: admin).status == .ok)
            _ = try await server.store.revokeKeys(named: "other", at: server.clock.now().wall)
            #expect(try await client.api(.get, "/status", key: reader).status == .unauthorized)
        }
    }

    @Test func `Over the limit it says when to come back, and polls stay free`() async throws {
        let manual = ManualClock()
        let server = try await TestServer(clock: manual.clock, limit: RateLimit(perMinute: 2))
        try await server.app.test(.router) { client in
            for _ in 0..<4 { #expect(try await client.api(.get, "/status", key: server.key).status == .ok) }
            let refused = try await client.api(.get, "/status", key: server.key)
            #expect(refused.status == .tooManyRequests)
            #expect(refused.headers[.retryAfter] == "30")
            #expect(try await client.api(.get, "/commands", key: server.key).status == .ok)
            manual.advance(by: .seconds(30))
            #expect(try await client.api(.get, "/status", key: server.key).status == .ok)
        }
    }

    @Test(arguments: [
        "/status?limit=0", "/status?limit=1001", "/status?limit=x", "/status?offset=-1", "/status?limit=1&offset=1e9",
        "/events?after=-1", "/events?agent_id=x", "/events?limit=99999999999999999999", "/commands?wait=61",
        "/commands?wait=-1", "/commands?wait=abc",
    ])
    func `Wrong query values are told`(path: String) async throws {
        let server = try await TestServer()
        try await server.app.test(.router) { client in
            let answer = try await client.api(.get, path, key: server.key)
            #expect(answer.status == .unprocessableContent)
            #expect(answer.json?["errors"]?.items.isEmpty == false)
        }
    }

    @Test func `Unknown paths are 404 and wrong methods 405, both as JSON`() async throws {
        let server = try await TestServer()
        try await server.app.test(.router) { client in
            let unknown = try await client.api(.get, "/nothing", key: server.key)
            #expect(unknown.status == .notFound)
            #expect(unknown.json?["detail"]?.string == "Not Found")
            let wrong = try await client.api(.delete, "/heartbeat", key: server.key)
            #expect(wrong.status == .methodNotAllowed)
            #expect(wrong.headers[.allow] == "POST")
            #expect(wrong.json?["detail"] != nil)
        }
    }

    @Test func `A strange runner id is refused`() async throws {
        let server = try await TestServer()
        try await server.app.test(.router) { client in
            let answer = try await client.api(.get, "/commands", key: server.key, runner: "a b")
            #expect(answer.status == .unprocessableContent)
            let differing = try await client.api(
                .post, "/heartbeat/batch", key: server.key, runner: "r1",
                body: #"{"heartbeats": [], "runner": {"id": "r2"}}"#)
            #expect(differing.status == .unprocessableContent)
        }
    }

    @Test func `The health check needs no key`() async throws {
        let server = try await TestServer()
        try await server.app.test(.router) { client in
            try await client.execute(uri: "/healthz", method: .get) { answer in
                #expect(answer.status == .ok)
                #expect(answer.text == #"{"ok":true,"status":"ok"}"#)
            }
        }
    }
}

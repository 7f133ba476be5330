import Hummingbird
import HummingbirdTesting
import ServerDomain
import ServerTestSupport
import ServiceLifecycle
import Testing

@Suite(.timeLimit(.minutes(1))) struct CommandRouteTests {
    private static let heartbeat = #"""
        {"agent": "my-bot", "restart_type": "docker", "restart_target": "my-bot", "interval": 30}
        """#

    @Test func `A command makes its whole way`() async throws {
        let server = try await TestServer()
        try await server.app.test(.router) { client in
            _ = try await client.api(.post, "/heartbeat", key: server.key, runner: "r1", body: Self.heartbeat)
            let queued = try await client.api(
                .post, "/agents/1/commands", key: server.key, body: #"{"action": "restart"}"#)
            #expect(queued.status == .accepted)
            #expect(queued.json?["command"]?["status"]?.string == "queued")
            let id = try #require(queued.json?["command"]?["id"]?.int)
            let twice = try await client.api(
                .post, "/agents/1/commands", key: server.key, body: #"{"action": "restart"}"#)
            #expect(twice.status == .conflict)
            #expect(try await client.api(.get, "/commands", key: server.key).text == "[]")
            let offered = try await client.api(.get, "/commands", key: server.key, runner: "r1").json?.items
            #expect(offered?.map { $0["id"]?.int } == [id])
            #expect(offered?.first?["target"]?.string == "my-bot")
            for _ in 0..<2 {
                let answer = try await client.api(
                    .post, "/commands/\(id)/result", key: server.key, runner: "r1",
                    body: #"{"status": "completed", "message": "restarted"}"#)
                #expect(answer.text == #"{"ok":true}"#)
            }
            let events = try await client.api(.get, "/events", key: server.key).json?["events"]?.items
            #expect(
                events?.map { $0["kind"]?.string } == ["command_queued", "command_delivered", "command_completed"])
        }
    }

    @Test func `A held poll is answered as soon as a command comes`() async throws {
        let manual = ManualClock()
        let server = try await TestServer(clock: manual.clock)
        try await server.app.test(.router) { client in
            _ = try await client.api(.post, "/heartbeat", key: server.key, runner: "r1", body: Self.heartbeat)
            async let held = client.api(.get, "/commands?wait=55", key: server.key, runner: "r1")
            try await manual.sleeper(until: .seconds(55))
            _ = try await client.api(.post, "/agents/1/commands", key: server.key, body: #"{"action": "stop"}"#)
            let answer = try await held
            #expect(answer.json?.items.map { $0["action"]?.string } == ["stop"])
        }
    }

    @Test func `A held poll ends empty when its seconds have passed`() async throws {
        let manual = ManualClock()
        let server = try await TestServer(clock: manual.clock)
        try await server.app.test(.router) { client in
            async let held = client.api(.get, "/commands?wait=20", key: server.key, runner: "r1")
            try await manual.sleeper(until: .seconds(20))
            manual.advance(by: .seconds(20))
            let answer = try await held
            #expect(answer.text == "[]")
        }
    }

    @Test func `The newest poll of a runner gets the command, not one that a dead runner left behind`() async throws {
        let manual = ManualClock()
        let server = try await TestServer(clock: manual.clock)
        try await server.app.test(.router) { client in
            _ = try await client.api(.post, "/heartbeat", key: server.key, runner: "r1", body: Self.heartbeat)
            async let left = client.api(.get, "/commands?wait=50", key: server.key, runner: "r1")
            try await manual.sleeper(until: .seconds(50))
            async let newest = client.api(.get, "/commands?wait=55", key: server.key, runner: "r1")
            try await manual.sleeper(until: .seconds(55))
            _ = try await client.api(.post, "/agents/1/commands", key: server.key, body: #"{"action": "restart"}"#)
            let first = try await newest
            #expect(first.json?.items.count == 1)
            manual.advance(by: .seconds(50))
            let last = try await left
            #expect(last.text == "[]")
        }
    }

    @Test func `A held poll hears at once that the server goes down`() async throws {
        let manual = ManualClock()
        let server = try await TestServer(clock: manual.clock)
        try await server.app.test(.router) { client in
            async let held = client.api(.get, "/commands?wait=55", key: server.key, runner: "r1")
            try await manual.sleeper(until: .seconds(55))
            // What the first signal does; time never moves here, so the poll could not end by itself.
            server.fleet.doorbell.close()
            let answer = try await held
            #expect(answer.text == "[]")
        }
    }
}

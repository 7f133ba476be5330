import NIOHTTP1
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Acknowledged means written: `kill -9` of the server at any moment loses nothing that got its 200.
@Suite(.timeLimit(.minutes(2))) struct ServerKillTests {
    @Test func everyAcknowledgedHeartbeatIsThereAfterAKill() async throws {
        try await withAgentDirectory { agents in
            let directory = agents.path + "/server"
            let first = try await BuiltServer.start(in: directory)
            // Each heartbeat is a state change with its own message, so that the history tells which ones are there.
            let acknowledged = await withTaskGroup(of: [String].self) { group in
                for client in 0..<16 { group.addTask { await load(first, client, killingAfter: 150) } }
                return await group.reduce(into: Set<String>()) { $0.formUnion($1) }
            }
            await first.process.ended()
            #expect(acknowledged.count >= 150)

            let second = try await BuiltServer.start(in: directory)
            var kept: Set<String> = []
            var cursor: Int64 = 0
            while true {
                let page = try await second.ask(
                    .GET, "/events?after=\(cursor)&limit=1000", as: BuiltServer.Events.self)
                kept.formUnion(page.events.compactMap(\.message))
                guard page.next > cursor, !page.events.isEmpty else { break }
                cursor = page.next
            }
            let lost = acknowledged.subtracting(kept)
            #expect(lost.isEmpty, "\(lost.count) of \(acknowledged.count) acknowledged heartbeats are gone")
            #expect(await second.process.end() == 0)
        }
    }

    /// Sends one state change after the other until the server is gone, and kills it itself after so many.
    private func load(_ server: BuiltServer, _ client: Int, killingAfter limit: Int) async -> [String] {
        var acknowledged: [String] = []
        for number in 0..<10_000 {
            let message = "m-\(client)-\(number)"
            let body = """
                {"agent": "a\(client)", "status": "error", "message": "\(message)", "event_id": "\(message)", \
                "event": {"kind": "died"}}
                """
            guard let answer = try? await server.send(.POST, "/heartbeat", body), answer.status == 200 else { break }
            acknowledged.append(message)
            if client == 0, number == limit { server.process.signal(SIGKILL) }
        }
        return acknowledged
    }
}

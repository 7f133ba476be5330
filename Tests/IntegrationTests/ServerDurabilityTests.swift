import NIOHTTP1
import ServerTestSupport
import TestSupport
import Testing

@Suite struct ServerDurabilityTests {
    private static func beat(_ server: BuiltServer, _ agent: String) async throws -> UInt {
        try await server.send(.POST, "/heartbeat", #"{"agent": "\#(agent)"}"#).status
    }

    @Test(.enabled(if: SystemCallTracer.isAvailable, "needs strace, and root to trace"))
    func `An fdatasync covers every answer of the built server`() async throws {
        let directory = try TemporaryDirectory()
        try await BuiltServer.run(in: directory.file("state")) { server in
            #expect(try await Self.beat(server, "first") == 200)
            let tracer = try SystemCallTracer(process: server.process.id, output: directory.file("trace"))
            for number in 0..<25 { #expect(try await Self.beat(server, "agent-\(number)") == 200) }
            let trace = SyncTrace(try tracer.finish(), log: "clevagent.sqlite-wal", marker: "HTTP/1.1 200")
            #expect(trace.acknowledged == 25)
            #expect(trace.uncovered == 0)
        }
    }

    @Test func `A server killed under load has every heartbeat that it acknowledged`() async throws {
        let directory = try TemporaryDirectory()
        let state = directory.file("state")
        var acknowledged: Set<String> = []
        try await BuiltServer.run(in: state, ["--rate-limit", "0"]) { server in
            acknowledged = try await withThrowingTaskGroup(of: [String].self) { group in
                let (count, counted) = AsyncStream<Void>.makeStream()
                for worker in 0..<32 {
                    group.addTask {
                        var names: [String] = []
                        for number in 0... {
                            let name = "agent-\(worker)-\(number)"
                            // The kill ends every connection; what was not answered by then was not acknowledged.
                            guard (try? await Self.beat(server, name)) == 200 else { break }
                            names.append(name)
                            counted.yield()
                        }
                        return names
                    }
                }
                var answered = 0
                for await _ in count {
                    answered += 1
                    if answered == 500 { break }
                }
                await server.kill()
                return try await group.reduce(into: []) { $0.formUnion($1) }
            }
        }
        #expect(acknowledged.count >= 500)

        try await BuiltServer.run(in: state) { server in
            var known: Set<String> = []
            while true {
                let page = try await server.ask(
                    .GET, "/status?limit=1000&offset=\(known.count)", as: BuiltServer.Agents.self)
                guard !page.agents.isEmpty else { break }
                known.formUnion(page.agents.map(\.agent))
            }
            #expect(acknowledged.subtracting(known) == [])
        }
    }
}

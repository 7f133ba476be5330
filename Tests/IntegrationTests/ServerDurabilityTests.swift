import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import ServerTestSupport
import Testing
import WireProtocol

@Suite struct ServerDurabilityTests {
    private static func beat(_ server: ServerFixture, _ agent: String) async throws -> UInt {
        try await beat(url: server.url, key: server.key, agent)
    }

    private static func beat(url: String, key: String, _ agent: String) async throws -> UInt {
        var request = HTTPClientRequest(url: url + WirePath.heartbeat)
        request.method = .POST
        request.headers.add(name: WireHeader.apiKey, value: key)
        request.body = .bytes(ByteBuffer(string: #"{"agent": "\#(agent)"}"#))
        let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(3))
        _ = try await answer.body.collect(upTo: 4096)
        return answer.status.code
    }

    @Test(.enabled(if: SystemCallTracer.isAvailable, "needs strace, and root to trace"))
    func `An fdatasync covers every answer of the built server`() async throws {
        let directory = try TemporaryDirectory()
        let server = try ServerFixture(stateDirectory: directory.file("state"))
        #expect(try await Self.beat(server, "first") == 200)
        let tracer = try SystemCallTracer(
            process: server.process.processIdentifier, output: directory.file("trace"))
        for number in 0..<25 { #expect(try await Self.beat(server, "agent-\(number)") == 200) }
        let trace = SyncTrace(try tracer.finish(), log: "clevagent.sqlite-wal", marker: "HTTP/1.1 200")
        #expect(trace.acknowledged == 25)
        #expect(trace.uncovered == 0)
    }

    @Test func `A server killed under load has every heartbeat that it acknowledged`() async throws {
        let directory = try TemporaryDirectory()
        let state = directory.file("state")
        let server = try ServerFixture(stateDirectory: state)
        let (url, key) = (server.url, server.key)
        let acknowledged = try await withThrowingTaskGroup(of: [String].self) { group in
            let (count, counted) = AsyncStream<Void>.makeStream()
            for worker in 0..<32 {
                group.addTask {
                    var names: [String] = []
                    for number in 0... {
                        let name = "agent-\(worker)-\(number)"
                        // The kill ends every connection; what was not answered by then was not acknowledged.
                        guard (try? await Self.beat(url: url, key: key, name)) == 200 else { break }
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
            server.kill()
            return try await group.reduce(into: [String]()) { $0 += $1 }
        }
        #expect(acknowledged.count >= 500)

        let again = try ServerFixture(stateDirectory: state)
        var known: Set<String> = []
        while true {
            var request = HTTPClientRequest(url: "\(again.url)/api/v1/status?limit=1000&offset=\(known.count)")
            request.headers.add(name: WireHeader.apiKey, value: again.key)
            let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
            let body = try await answer.body.collect(upTo: 4 * 1024 * 1024)
            let page = try JSONDecoder().decode(Status.self, from: Data(body.readableBytesView))
            guard !page.agents.isEmpty else { break }
            known.formUnion(page.agents.map(\.agent))
        }
        #expect(Set(acknowledged).subtracting(known) == [])
    }

    private struct Status: Decodable {
        struct Agent: Decodable {
            var agent: String
        }

        var agents: [Agent]
    }
}

import AsyncHTTPClient
import FoundationEssentials
import Glibc
import NIOCore
import NIOHTTP1
import TestSupport
import WireProtocol

/// The built server on a port of the kernel's choice, with a key that may do everything.
struct BuiltServer {
    let process: ChildProcess
    let url: String
    let key: String
    let directory: String

    /// Runs `body` with a server, which is killed afterwards if it still runs.
    static func run(
        in directory: String, _ arguments: [String] = [], _ body: (BuiltServer) async throws -> Void
    ) async throws {
        let server = try await start(in: directory, arguments)
        do {
            try await body(server)
        } catch {
            await server.kill()
            throw error
        }
        await server.kill()
    }

    /// Starts it, on the state that an earlier one left there if there is any. Returns when it listens.
    ///
    /// - Parameter key: one that the state has; nil for a new one.
    static func start(
        in directory: String, _ arguments: [String] = [], environment: [String: String] = [:], key: String? = nil
    ) async throws -> BuiltServer {
        let process = try ChildProcess(
            [BuiltProgram.server.path, "--listen", "127.0.0.1:0", "--state-dir", directory] + arguments,
            environment: AgentDirectory.environment.merging(environment) { $1 }, output: .lines)
        var url: String?
        for await line in process.lines {
            guard let words = line.split(separator: " ").first(where: { $0.hasPrefix("url=") }) else { continue }
            url = String(words.dropFirst("url=".count))
            break
        }
        guard let url else { throw BuiltServerError(words: "the server ended before it listened") }
        let used = if let key { key } else { try await makeKey(in: directory) }
        return BuiltServer(process: process, url: url, key: used, directory: directory)
    }

    private static func makeKey(in directory: String) async throws -> String {
        let tool = try ChildProcess(
            [
                BuiltProgram.server.path, "key", "create", "test", "--scope", "ingest,read,commands", "--state-dir",
                directory,
            ], environment: AgentDirectory.environment, output: .lines)
        var key: String?
        for await line in tool.lines where line.hasPrefix("cv_") { key = line }
        guard await tool.ended() == 0, let key else { throw BuiltServerError(words: "no key could be made") }
        return key
    }

    /// SIGKILL, as a power cut would; returns when it is gone.
    func kill() async {
        process.signal(SIGKILL)
        _ = await process.ended()
    }

    /// The port of 127.0.0.1 that it listens on.
    var port: Int { url.split(separator: ":").last.flatMap { Int($0) } ?? 0 }

    /// Every event so far, the oldest first.
    func history() async throws -> [Events.Event] {
        var events: [Events.Event] = []
        while true {
            let page = try await ask(.GET, "/events?after=\(events.last?.id ?? 0)&limit=1000", as: Events.self)
            guard !page.events.isEmpty else { return events }
            events += page.events
        }
    }

    /// Asks the server and reads its JSON.
    func ask<Answer: Decodable>(
        _ method: HTTPMethod, _ path: String, _ body: String? = nil, as type: Answer.Type
    ) async throws -> Answer {
        let (status, bytes) = try await send(method, path, body)
        guard (200..<300).contains(status) else {
            throw BuiltServerError(
                words: "\(method) \(path): HTTP \(status): \(String(decoding: bytes, as: UTF8.self))")
        }
        return try JSONDecoder().decode(type, from: bytes)
    }

    /// A connection that is refused is an answer, not a reason to try for a minute.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration)
    }()

    /// Sends a request and gives the status and the whole body.
    func send(
        _ method: HTTPMethod, _ path: String, _ body: String? = nil, runner: String? = nil
    ) async throws -> (status: UInt, body: Data) {
        var request = HTTPClientRequest(url: url + WirePath.base + path)
        request.method = method
        request.headers.add(name: WireHeader.apiKey, value: key)
        if let runner { request.headers.add(name: WireHeader.runnerID, value: runner) }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await Self.client.execute(request, timeout: .seconds(70))
        return (response.status.code, Data(try await response.body.collect(upTo: 10 << 20).readableBytesView))
    }

    // MARK: - What tests ask about

    struct Agents: Decodable {
        struct Agent: Decodable {
            var agentID: Int64
            var agent: String
            var status: String

            private enum CodingKeys: String, CodingKey {
                case agent, status
                case agentID = "agent_id"
            }
        }
        var agents: [Agent]
    }

    struct Events: Decodable {
        struct Event: Decodable {
            var id: Int64
            var agent: String?
            var kind: String
            var message: String?
            var data: Facts?

            struct Facts: Decodable {
                var pid: Int32?
                var commandID: Int64?

                private enum CodingKeys: String, CodingKey {
                    case pid
                    case commandID = "command_id"
                }
            }

            /// The process that it is about.
            var pid: Int32? { data?.pid }
        }
        var events: [Event]
        var next: Int64
    }

    struct Queued: Decodable {
        struct Command: Decodable {
            var id: Int64
        }
        var command: Command
    }

    /// The id of an agent that has reported.
    func agentID(_ name: String) async throws -> Int64? { try await agent(name)?.agentID }

    func status(of name: String) async throws -> String? { try await agent(name)?.status }

    private func agent(_ name: String) async throws -> Agents.Agent? {
        try await ask(.GET, "/status?limit=1000", as: Agents.self).agents.first { $0.agent == name }
    }
}

struct BuiltServerError: Error, CustomStringConvertible {
    var words: String
    var description: String { words }
}

import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1
import WireProtocol

/// Asks the server what anybody with an API key may ask it.
struct DemoServer: Sendable {
    let url: String
    let key: String

    struct Agent: Decodable, Sendable {
        var id: Int64
        var name: String
        var status: String

        private enum CodingKeys: String, CodingKey {
            case id = "agent_id"
            case name = "agent"
            case status
        }
    }

    struct Event: Decodable, Sendable {
        var id: Int64
        var receivedAt: WireTime
        var agent: String?
        var kind: String
        var message: String?

        private enum CodingKeys: String, CodingKey {
            case id, agent, kind, message
            case receivedAt = "received_at"
        }
    }

    /// Every agent, by name.
    func agents() async throws -> [Agent] {
        struct Page: Decodable { var agents: [Agent] }
        return try await ask(.GET, "/status", as: Page.self).agents
    }

    /// The oldest events after that one, and the id to ask with for the rest.
    func events(after id: Int64) async throws -> (events: [Event], next: Int64) {
        struct Page: Decodable {
            var events: [Event]
            var next: Int64
        }
        let page = try await ask(.GET, "/events?after=\(id)", as: Page.self)
        return (page.events, page.next)
    }

    /// Queues a command as a script of the user's would.
    func queue(_ action: CommandAction, for agent: Agent) async throws -> Int64 {
        struct Queued: Decodable {
            struct Command: Decodable { var id: Int64 }
            var command: Command
        }
        let body = #"{"action": "\#(action.rawValue)"}"#
        return try await ask(.POST, "/agents/\(agent.id)/commands", body, as: Queued.self).command.id
    }

    private func ask<Answer: Decodable>(
        _ method: HTTPMethod, _ path: String, _ body: String? = nil, as type: Answer.Type
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: url + WirePath.base + path)
        request.method = method
        request.headers.add(name: WireHeader.apiKey, value: key)
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: body))
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
        let answer = Data(buffer: try await response.body.collect(upTo: 1 << 20))
        guard (200..<300).contains(response.status.code) else {
            throw DemoError.refused(
                "\(method) \(path)", status: response.status.code, body: String(decoding: answer, as: UTF8.self))
        }
        return try JSONDecoder().decode(type, from: answer)
    }
}

extension Data {
    fileprivate init(buffer: ByteBuffer) { self.init(buffer.readableBytesView) }
}

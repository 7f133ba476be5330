import FoundationEssentials
import Gzip
import NIOCore
import WireProtocol

extension StubServer {
    /// Everything a stub server remembers; decides, and leaves the sockets to ``StubServerConnection``.
    struct State {
        /// A long poll that waits for a command.
        struct HeldPoll {
            /// The index of its request.
            var request: Int
            var connection: StubServerConnection
        }

        /// What to do about one request.
        enum Reaction {
            case answer(Answer)
            /// Held as a long poll: answered by a queued command, or with an empty list when the time is over.
            case hold(seconds: Int)
            /// The server behind, on that port, gets it; what comes back is treated like that.
            case pass(port: Int, StubServerPassage.Treatment)
        }

        var configuration: Configuration
        var rules: [Rule] = []
        var refusedAgents: [String: String] = [:]
        /// Whoever comes with these is refused too.
        var poisonousAgents: Set<String> = []
        var commands: CommandQueue

        /// Heads and bodies as they came in, without TLS.
        var bytesReceived = 0
        var requests: [Request] = []
        var heartbeats: [ReceivedHeartbeat] = []
        var results: [ReceivedResult] = []
        var agentIDs: [String: Int64] = [:]

        var listener: Listener?
        var connections: [Int: any Channel] = [:]
        var connectionCount = 0
        /// Long polls waiting for a command, oldest first.
        var heldPolls: [HeldPoll] = []

        var observers: [Int: AsyncStream<Void>.Continuation] = [:]
        var observerCount = 0

        init(_ configuration: Configuration) {
            self.configuration = configuration
            self.commands = CommandQueue(nextID: configuration.firstCommandID, redelivery: configuration.redelivery)
        }

        /// Takes a request in and says what to do about it.
        mutating func receive(_ packed: Request) -> Reaction {
            var request = packed
            let refusal = unpack(&request)
            requests.append(request)
            let scripted = takeScripted(for: request)
            if let port = configuration.upstream, scripted?.takesEffect ?? true {
                return .pass(port: port, .init(scripted))
            }
            guard let scripted else {
                return refusal.map { .answer($0) } ?? protocolReaction(to: request)
            }
            if scripted.takesEffect { _ = protocolReaction(to: request) }
            return .answer(scripted)
        }

        /// Unpacks the body in place, or says what a server answers that can't.
        private func unpack(_ request: inout Request) -> Answer? {
            guard let encoding = request.header("Content-Encoding") else { return nil }
            guard configuration.offersGzip, encoding == "gzip" else { return .refusal(415, "No \(encoding) here") }
            do {
                request.body = Data(try Gzip.unpack(Array(request.body), upTo: WireLimits.bodyBytes))
                return nil
            } catch {
                return error == .tooLong ? .refusal(413, "Body too large") : .refusal(400, "Not gzip")
            }
        }

        private mutating func takeScripted(for request: Request) -> Answer? {
            for index in rules.indices where rules[index].matcher.matches(request) {
                if let answer = rules[index].take() { return answer }
            }
            return nil
        }
    }
}

// MARK: The protocol

extension StubServer.State {
    private mutating func protocolReaction(to request: StubServer.Request) -> Reaction {
        if let key = configuration.apiKey, request.header(WireHeader.apiKey) != key {
            return .answer(.refusal(401, "Invalid API key"))
        }
        guard request.body.count <= WireLimits.bodyBytes else { return .answer(.refusal(413, "Body too large")) }
        switch (request.method, request.path) {
        case ("POST", WirePath.heartbeat):
            return .answer(takeSingle(request))
        case ("POST", WirePath.batch):
            switch configuration.knowledge {
            case .base(let batchStatus): return .answer(.refusal(batchStatus, "No such thing here"))
            case .whole: return .answer(takeBatch(request))
            }
        case ("GET", WirePath.commands):
            return poll(request)
        case ("GET", WirePath.base + "/status"):
            return .answer(status())
        case ("POST", let path):
            guard let id = Self.commandID(inResultPath: path) else { return .answer(.refusal(404, "Not Found")) }
            return .answer(takeResult(request, of: id))
        default:
            return .answer(.refusal(404, "Not Found"))
        }
    }

    private mutating func takeSingle(_ request: StubServer.Request) -> StubServer.Answer {
        guard let heartbeat = try? request.decode(Heartbeat.self) else {
            return .refusal(422, "Not a heartbeat")
        }
        let item = take(heartbeat, from: nil, in: request)
        guard let id = item.agentID else { return .refusal(422, item.error ?? "Refused") }
        let answer = HeartbeatAnswer(agentID: id, agent: heartbeat.agent, status: heartbeat.status)
        return .reply(200, body: StubServer.encoded(answer), type: "application/json")
    }

    private mutating func takeBatch(_ request: StubServer.Request) -> StubServer.Answer {
        guard let batch = try? request.decode(LenientBatch.self) else { return .refusal(422, "Not a batch") }
        guard batch.items.count <= WireLimits.batchItems else { return .refusal(422, "More than 100 heartbeats") }
        let isPoisoned = batch.items.contains { item in
            item.heartbeat.map { poisonousAgents.contains($0.agent) } ?? false
        }
        guard !isPoisoned else { return .refusal(422, "Validation failed") }
        guard !batch.items.isEmpty || batch.runner != nil else { return .refusal(422, "No heartbeats") }
        let results = batch.items.map { item in
            guard let heartbeat = item.heartbeat else {
                return BatchAnswer.Item(agent: nil, ok: false, error: "Not a heartbeat")
            }
            return take(heartbeat, from: batch.runner, in: request)
        }
        let answer = BatchAnswer(accepted: results.count { $0.ok }, results: results)
        return .reply(200, body: StubServer.encoded(answer), type: "application/json")
    }

    private mutating func take(
        _ heartbeat: Heartbeat, from runner: RunnerInfo?, in request: StubServer.Request
    ) -> BatchAnswer.Item {
        let refusal = refusedAgents[heartbeat.agent]
        heartbeats.append(
            StubServer.ReceivedHeartbeat(
                index: heartbeats.count, heartbeat: heartbeat, runner: runner, request: request.index,
                arrival: request.arrival, accepted: refusal == nil))
        if let refusal { return BatchAnswer.Item(agent: heartbeat.agent, ok: false, error: refusal) }
        let id = agentIDs[heartbeat.agent] ?? Int64(agentIDs.count + 1)
        agentIDs[heartbeat.agent] = id
        return BatchAnswer.Item(agent: heartbeat.agent, ok: true, agentID: id)
    }

    private mutating func poll(_ request: StubServer.Request) -> Reaction {
        let offered = commands.offer()
        let wait = configuration.knowledge == .whole ? request.query["wait"].flatMap { Int($0) } ?? 0 : 0
        if offered.isEmpty, wait > 0 { return .hold(seconds: min(wait, WireLimits.longPollSeconds)) }
        return .answer(Self.list(offered))
    }

    private mutating func takeResult(_ request: StubServer.Request, of id: Int64) -> StubServer.Answer {
        guard let result = try? request.decode(CommandResult.self) else { return .refusal(422, "Not a result") }
        guard commands.settle(id) else { return .refusal(404, "No such command") }
        results.append(
            StubServer.ReceivedResult(
                commandID: id, result: result, request: request.index, arrival: request.arrival))
        return .json(#"{"ok": true}"#)
    }

    private func status() -> StubServer.Answer {
        .json(#"{"total": \#(agentIDs.count), "limit": 100, "offset": 0, "agents": []}"#)
    }

    /// Takes the oldest held poll out, if there is something to answer it with.
    mutating func answerHeldPoll() -> (connection: StubServerConnection, answer: StubServer.Answer)? {
        guard let poll = heldPolls.first else { return nil }
        let offered = commands.offer()
        guard !offered.isEmpty else { return nil }
        heldPolls.removeFirst()
        return (poll.connection, Self.list(offered))
    }

    /// Takes that poll out if it is still held.
    mutating func releasePoll(_ request: Int) -> Bool {
        guard let index = heldPolls.firstIndex(where: { $0.request == request }) else { return false }
        heldPolls.remove(at: index)
        return true
    }

    /// The answer to a poll.
    static func list(_ commands: [Command]) -> StubServer.Answer {
        .reply(200, body: StubServer.encoded(commands), type: "application/json")
    }

    private static func commandID(inResultPath path: String) -> Int64? {
        let prefix = WirePath.commands + "/"
        guard path.hasPrefix(prefix), path.hasSuffix("/result") else { return nil }
        return Int64(path.dropFirst(prefix.count).dropLast("/result".count))
    }
}

/// A batch whose items are judged one by one, in an object or as a bare array.
private struct LenientBatch: Decodable {
    struct Item: Decodable {
        var heartbeat: Heartbeat?

        init(from decoder: any Decoder) { heartbeat = try? Heartbeat(from: decoder) }
    }

    var items: [Item]
    var runner: RunnerInfo?

    init(from decoder: any Decoder) throws {
        if let items = try? [Item](from: decoder) {
            self.items = items
            return
        }
        let container = try decoder.container(keyedBy: HeartbeatBatch.CodingKeys.self)
        items = try container.decode([Item].self, forKey: .heartbeats)
        runner = try container.decodeIfPresent(RunnerInfo.self, forKey: .runner)
    }
}

package import FoundationEssentials
package import WireProtocol

extension StubServer {
    /// One request as it came in, whole.
    package struct Request: Sendable {
        /// Its place in the order of arrival, from 0.
        package var index: Int
        package var method: String
        /// Without the query, not percent-decoded.
        package var path: String
        package var query: [String: String]
        package var headers: [(name: String, value: String)]
        /// Unpacked, if it came as gzip and the stub reads that.
        package var body: Data
        /// When its last byte was read.
        package var arrival: ContinuousClock.Instant
        /// Which connection brought it, from 0; two requests with one number shared a socket.
        package var connection: Int

        /// The first header of that name, in any case.
        package func header(_ name: String) -> String? {
            let wanted = name.lowercased()
            return headers.first { $0.name.lowercased() == wanted }?.value
        }

        /// The body as text; undecodable bytes show as U+FFFD.
        package var text: String { String(decoding: body, as: UTF8.self) }

        /// Decodes the JSON body.
        package func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
            try JSONDecoder().decode(type, from: body)
        }
    }

    /// One heartbeat that reached the protocol, alone or in a batch.
    package struct ReceivedHeartbeat: Sendable {
        /// Its place in the order of arrival, from 0.
        package var index: Int
        package var heartbeat: Heartbeat
        /// The batch's sender, where it said so.
        package var runner: RunnerInfo?
        /// Which request brought it: ``Request/index``.
        package var request: Int
        package var arrival: ContinuousClock.Instant
        /// Whether the stub took it; `false` for an item that it was told to refuse.
        package var accepted: Bool
    }

    /// One command result that reached the protocol, repeats included.
    package struct ReceivedResult: Sendable {
        package var commandID: Int64
        package var result: CommandResult
        /// Which request brought it: ``Request/index``.
        package var request: Int
        package var arrival: ContinuousClock.Instant
    }
}

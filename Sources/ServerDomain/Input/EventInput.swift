import WireProtocol

/// The event of a heartbeat; a detail of the wrong type is left out, because the change itself matters more.
struct EventInput: Decodable {
    var event: HeartbeatEvent

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: HeartbeatEvent.CodingKeys.self)
        let kind = try container.decode(String.self, forKey: .kind).withoutNulls
        guard (1...64).contains(kind.utf8.count), !kind.hasControlCharacters else {
            throw DecodingError.dataCorruptedError(forKey: .kind, in: container, debugDescription: "1–64 characters")
        }
        func optional<Value: Decodable>(_ type: Value.Type, _ key: HeartbeatEvent.CodingKeys) -> Value? {
            (try? container.decodeIfPresent(type, forKey: key)) ?? nil
        }
        event = HeartbeatEvent(
            kind: HeartbeatEvent.Kind(rawValue: kind), exitCode: optional(Int.self, .exitCode),
            signal: optional(Int.self, .signal), oom: optional(Bool.self, .oom), pid: optional(Int.self, .pid),
            attempt: optional(Int.self, .attempt), nextAttemptIn: optional(Double.self, .nextAttemptIn))
    }
}

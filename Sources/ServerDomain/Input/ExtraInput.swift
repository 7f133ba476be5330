import FoundationEssentials
import WireProtocol

/// The sender's own data in a heartbeat, cut to what is kept and joined into one JSON object.
enum ExtraInput {
    private static let customDataBytes = 16 * 1024
    private static let toolCalls = 20
    private static let promptHashes = 5

    /// Reads the three fields.
    ///
    /// - Returns: JSON text; nil when none was said.
    static func read<Key: CodingKey>(
        _ fields: inout FieldReader<Key>, customData: Key, toolCallLog: Key, promptHashes hashes: Key
    ) -> String? {
        var object: [String: JSONValue] = [:]
        if let data = Self.customData(&fields, customData) { object["custom_data"] = data }
        if let log = fields.value(toolCallLog, [JSONValue].self, expected: "an array of objects") {
            object["tool_call_log"] = .array(Array(log.prefix(toolCalls)))
        }
        if let list = fields.value(hashes, [String].self, expected: "an array of strings") {
            object["prompt_hashes"] = .array(list.prefix(promptHashes).map { .string($0.withoutNulls.keeping(200)) })
        }
        guard !object.isEmpty else { return nil }
        return text(.object(object))
    }

    private static func customData<Key: CodingKey>(_ fields: inout FieldReader<Key>, _ key: Key) -> JSONValue? {
        let expected = "an object, or a string holding JSON"
        switch fields.value(key, JSONValue.self, expected: expected) {
        case nil, .null:
            return nil
        case .string(let string):
            return .string(string.keeping(customDataBytes))
        case .object(let members):
            let whole = text(.object(members)) ?? ""
            guard whole.utf8.count > customDataBytes else { return .object(members) }
            return .string(whole.keeping(customDataBytes))
        case .bool, .integer, .number, .array:
            fields.complain(key, "must be \(expected)")
            return nil
        }
    }

    private static func text(_ value: JSONValue) -> String? {
        (try? JSONEncoder().encode(value)).map { String(decoding: $0, as: UTF8.self) }
    }
}

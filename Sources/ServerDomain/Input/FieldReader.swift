package import WireProtocol

/// Reads the fields of one JSON object and keeps every complaint instead of stopping at the first.
package struct FieldReader<Key: CodingKey> {
    package private(set) var errors: [APIError.Field] = []
    private let container: KeyedDecodingContainer<Key>

    package init(_ container: KeyedDecodingContainer<Key>) {
        self.container = container
    }

    /// Adds a complaint that the caller found.
    package mutating func complain(_ key: Key, _ message: String) {
        errors.append(APIError.Field(field: key.stringValue, message: message))
    }

    /// Reads a field of any type; null counts as absent.
    package mutating func value<Value: Decodable>(_ key: Key, _ type: Value.Type, expected: String) -> Value? {
        do {
            return try container.decodeIfPresent(type, forKey: key)
        } catch {
            complain(key, "must be \(expected)")
            return nil
        }
    }

    /// Reads a text that must have between 1 and `limit` characters.
    package mutating func text(_ key: Key, upTo limit: Int) -> String? {
        guard let text = value(key, String.self, expected: "a string") else { return nil }
        guard !text.isEmpty, text.utf8.count <= limit || text.unicodeScalars.count <= limit else {
            complain(key, "must have 1 to \(limit) characters")
            return nil
        }
        return text.withoutNulls
    }

    /// Reads free text of which the first `limit` characters are kept.
    package mutating func freeText(_ key: Key, keeping limit: Int) -> String? {
        value(key, String.self, expected: "a string")?.withoutNulls.keeping(limit)
    }

    /// Reads an integer from 0 up.
    package mutating func count(_ key: Key) -> Int64? {
        guard let number = value(key, Int64.self, expected: "an integer from 0 up") else { return nil }
        guard number >= 0 else {
            complain(key, "must be an integer from 0 up")
            return nil
        }
        return number
    }

    /// Reads a finite number from 0 up.
    package mutating func amount(_ key: Key) -> Double? {
        guard let number = value(key, Double.self, expected: "a number from 0 up") else { return nil }
        guard number.isFinite, number >= 0 else {
            complain(key, "must be a number from 0 up")
            return nil
        }
        return number
    }

    /// Reads an RFC 3339 time.
    package mutating func time(_ key: Key) -> WireTime? {
        guard let text = value(key, String.self, expected: "an RFC 3339 time") else { return nil }
        guard let time = WireTime(rfc3339: text) else {
            complain(key, "must be an RFC 3339 time, like 2026-01-31T12:00:00.000Z")
            return nil
        }
        return time
    }
}

extension String {
    /// The text with U+0000 replaced: C strings end there, and half a message must not get lost in the store.
    package var withoutNulls: String {
        guard utf8.contains(0) else { return self }
        return String(String.UnicodeScalarView(unicodeScalars.map { $0 == "\0" ? "\u{FFFD}" : $0 }))
    }

    /// The first `limit` characters, counted as Unicode scalars: a grapheme has no upper size.
    package func keeping(_ limit: Int) -> String {
        guard utf8.count > limit else { return self }
        return String(String.UnicodeScalarView(unicodeScalars.prefix(limit)))
    }

    /// Whether it holds a control character (C0, DEL or C1).
    package var hasControlCharacters: Bool {
        unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }
    }
}

extension [APIError.Field] {
    /// All complaints in one line, for a `detail` or a batch item's `error`.
    package var summary: String {
        map { "\($0.field): \($0.message)" }.joined(separator: "; ")
    }
}

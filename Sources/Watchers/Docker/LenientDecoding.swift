/// Engines of many versions write these: a member of another type than expected counts as one that is not there.
extension KeyedDecodingContainer {
    func text(_ key: Key) -> String? { (try? decodeIfPresent(String.self, forKey: key)) ?? nil }

    func flag(_ key: Key) -> Bool? { (try? decodeIfPresent(Bool.self, forKey: key)) ?? nil }

    /// The object that is this member.
    func object(_ key: Key) -> KeyedDecodingContainer<AnyKey>? {
        try? nestedContainer(keyedBy: AnyKey.self, forKey: key)
    }

    /// A number, also when it is written as a text.
    func number(_ key: Key) -> Int64? {
        ((try? decodeIfPresent(Int64.self, forKey: key)) ?? nil) ?? text(key).flatMap { Int64($0) }
    }
}

/// A JSON object's keys, as they come.
struct AnyKey: CodingKey, ExpressibleByStringLiteral {
    var stringValue: String
    var intValue: Int? { nil }

    init(stringLiteral value: String) { stringValue = value }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

/// Writes JSON (RFC 8259) as bytes, without spaces and with members in the order they are given.
///
/// For what a runner says thousands of times a minute; everything else goes through `Codable`
/// (docs/decisions/0010-json-writer.md).
package struct JSONWriter: Sendable {
    package private(set) var bytes: [UInt8] = []
    /// Something stands before in the same object or array.
    private var needsComma = false

    package init(reservingCapacity capacity: Int = 0) {
        bytes.reserveCapacity(capacity)
    }

    // MARK: Members of an object; what is nil is left out

    package mutating func member(_ key: some CodingKey, _ value: String?) {
        guard let value else { return }
        name(key)
        string(value)
    }

    package mutating func member(_ key: some CodingKey, _ value: (some FixedWidthInteger)?) {
        guard let value else { return }
        name(key)
        bytes.append(contentsOf: value.description.utf8)
    }

    /// JSON has no words for what is not finite: that is left out, too.
    package mutating func member(_ key: some CodingKey, _ value: Double?) {
        guard let value, value.isFinite else { return }
        name(key)
        if let whole = Int64(exactly: value), value.magnitude < 1e15 {
            bytes.append(contentsOf: whole.description.utf8)
        } else {
            bytes.append(contentsOf: value.description.utf8)
        }
    }

    package mutating func member(_ key: some CodingKey, _ value: Bool?) {
        guard let value else { return }
        name(key)
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    package mutating func member(_ key: some CodingKey, _ value: WireTime?) {
        member(key, value?.rfc3339)
    }

    package mutating func member(_ key: some CodingKey, _ value: (some JSONWritable)?) {
        guard let value else { return }
        name(key)
        object(value)
    }

    package mutating func member(_ key: some CodingKey, _ values: [some JSONWritable]) {
        name(key)
        bytes.append(UInt8(ascii: "["))
        needsComma = false
        for value in values {
            separate()
            object(value)
        }
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    // MARK: Values

    package mutating func object(_ value: some JSONWritable) {
        bytes.append(UInt8(ascii: "{"))
        needsComma = false
        value.writeMembers(to: &self)
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    private mutating func name(_ key: some CodingKey) {
        separate()
        string(key.stringValue)
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(Self.hexDigit(byte >> 4))
                bytes.append(Self.hexDigit(byte & 0xf))
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}

/// What is an object in JSON, with the same members as its `Codable` form has.
package protocol JSONWritable {
    func writeMembers(to writer: inout JSONWriter)
}

extension JSONWritable {
    /// Writes it as a whole text.
    package func jsonBytes(reservingCapacity capacity: Int = 256) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: capacity)
        writer.object(self)
        return writer.bytes
    }
}

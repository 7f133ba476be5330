// Text of anybody's is read as bytes: no index is taken on trust, and nothing depends on a locale.

extension UInt8 {
    var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }

    var isLetterOrDigit: Bool {
        let letter = lowercased
        return isDigit || (letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "z"))
    }

    /// What names of variables, flags and headers are made of, and most tokens.
    var isOfName: Bool {
        switch self {
        case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."): true
        default: isLetterOrDigit
        }
    }

    var isBase64: Bool { isLetterOrDigit || isOne(of: "+/=") }

    var isQuote: Bool { self == UInt8(ascii: "\"") || self == UInt8(ascii: "'") || self == UInt8(ascii: "`") }

    var lowercased: UInt8 {
        self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") ? self + 0x20 : self
    }

    func isOne(of characters: StaticString) -> Bool {
        characters.withUTF8Buffer { $0.contains(self) }
    }
}

extension [UInt8] {
    func byte(at index: Int) -> UInt8? { indices.contains(index) ? self[index] : nil }

    func holds(_ text: StaticString, at index: Int) -> Bool { self[...].holds(text, at: index) }

    /// Where bytes of a kind end that begin here.
    func end(from start: Int, atMost limit: Int = .max, _ isOfKind: (UInt8) -> Bool) -> Int {
        let start = Swift.min(start, count)
        return start + self[start...].prefix(limit).prefix(while: isOfKind).count
    }
}

extension ArraySlice<UInt8> {
    /// - Parameter text: not empty.
    func holds(_ text: StaticString, at index: Int) -> Bool {
        guard index >= startIndex, index < endIndex, self[index] == text.utf8Start.pointee else { return false }
        return text.withUTF8Buffer { self[index...].starts(with: $0) }
    }

    func contains(_ text: StaticString) -> Bool { indices.contains { holds(text, at: $0) } }

    func equals(_ text: StaticString) -> Bool { count == text.utf8CodeUnitCount && holds(text, at: startIndex) }

    func ends(_ text: StaticString) -> Bool { holds(text, at: endIndex - text.utf8CodeUnitCount) }
}

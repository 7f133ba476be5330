/// Text from bytes that anybody may have written, fit to be shown.
enum PlainText {
    /// UTF-8 without control characters, escape sequences and what turns the direction of text; a tab becomes a blank.
    static func bytes(of raw: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(raw.count)
        for scalar in String(decoding: withoutEscapes(raw), as: UTF8.self).unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control: if scalar == "\t" { text.append(UInt8(ascii: " ")) }
            case .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: break
            default: text.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
        return text
    }

    /// Without the sequences that colour a terminal (ECMA-48): in the middle of a name they would hide it.
    private static func withoutEscapes(_ raw: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(raw.count)
        var rest = raw[...]
        while let escape = rest.firstIndex(of: 0x1B) {
            result += rest[..<escape]
            rest = rest[(escape + 1)...]
            switch rest.first {
            case UInt8(ascii: "["):
                // Parameters, then one letter.
                rest = rest.dropFirst().drop { $0 >= 0x20 && $0 <= 0x3F }.dropFirst()
            case UInt8(ascii: "]"):
                // A title, up to its end: BEL, or another escape.
                guard let end = rest.firstIndex(where: { $0 == 0x07 || $0 == 0x1B }) else { break }
                rest = rest[end...]
            default: break
            }
        }
        return result + rest
    }
}

/// Takes out of what programs write what should not leave the host: passwords, keys, tokens.
///
/// It knows secrets by the names before them, by their places and by their shapes, and in doubt it masks: a line with a
/// hole still tells enough. It reads each byte a bounded number of times, whatever the bytes are. Lines are given in
/// their order, since a private key spans many.
package struct SecretMask: Sendable {
    /// What stands in the place of a secret.
    package static let mark = "***"
    /// What is kept of a line, in Unicode scalars.
    package static let longestLine = 400
    /// What is looked at of a line, in bytes.
    private static let longestInput = 64 << 10
    /// The longest private keys in use have a hundred lines.
    private static let longestKey = 200

    /// How many more lines may belong to a private key that has begun.
    private var keyLines = 0

    package init() {}

    /// Masks one text that stands alone.
    package static func masked(_ text: String) -> String {
        var mask = SecretMask()
        return mask.line(text.utf8)
    }

    /// Masks the last lines of what a program wrote, the oldest first. Empty lines do not count.
    package static func lines(of output: [UInt8], last count: Int) -> [String] {
        let lines = output.split { $0 == UInt8(ascii: "\n") }
        var mask = SecretMask()
        // The beginning of this key came before what was read.
        let orphan = lines.firstIndex { PrivateKey.begin(in: $0) != nil || PrivateKey.end(in: $0) != nil }
            .flatMap { PrivateKey.begin(in: lines[$0]) == nil ? $0 : nil }
        let masked = lines.enumerated().map { index, line in
            let text = mask.line(line)
            return orphan.map { index <= $0 && $0 - index < Self.longestKey } ?? false ? Self.mark : text
        }
        return masked.filter { !$0.isEmpty }.suffix(count)
    }

    /// Masks the next line, without its line end.
    ///
    /// - Returns: at most `longestLine` scalars, without control characters and what moves text about; bytes that are no
    ///   UTF-8 are replaced.
    package mutating func line(_ bytes: some Sequence<UInt8>) -> String {
        let text = PlainText.bytes(of: Array(bytes.prefix(Self.longestInput)))
        let masked = String(decoding: withoutPrivateKeys(text), as: UTF8.self).unicodeScalars
        guard let end = masked.index(masked.startIndex, offsetBy: Self.longestLine, limitedBy: masked.endIndex),
            end < masked.endIndex
        else { return String(masked) }
        return String(masked[..<end].dropLast()) + "…"
    }

    private mutating func withoutPrivateKeys(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = text[...]
        while true {
            if keyLines > 0 {
                result += Self.mark.utf8
                guard let end = PrivateKey.end(in: rest) else {
                    keyLines -= 1
                    return result
                }
                keyLines = 0
                rest = rest[end...]
            }
            guard let begin = PrivateKey.begin(in: rest) else { break }
            result += Self.scanned(rest[..<begin])
            rest = rest[begin...].dropFirst(PrivateKey.beginMark.utf8CodeUnitCount)
            keyLines = Self.longestKey
        }
        return result + Self.scanned(rest)
    }

    private static func scanned(_ text: ArraySlice<UInt8>) -> [UInt8] {
        if PrivateKey.isLine(text) { return Array(mark.utf8) }
        var scanner = SecretScanner(Array(text))
        return scanner.run()
    }
}

/// The marks of a private key in PEM (RFC 7468), whatever kind of key it is.
private enum PrivateKey {
    static let beginMark: StaticString = "-----BEGIN "
    private static let endMark: StaticString = "-----END "
    private static let name: StaticString = "PRIVATE KEY"
    /// `ENCRYPTED`, `OPENSSH` and the like stand before the name.
    private static let longestKind = 24

    static func begin(in text: ArraySlice<UInt8>) -> Int? { find(beginMark, in: text)?.start }

    /// Where what follows the mark begins.
    static func end(in text: ArraySlice<UInt8>) -> Int? {
        guard let found = find(endMark, in: text) else { return nil }
        return text[found.end...].prefix(6 + 10).lastIndex(of: UInt8(ascii: "-")).map { $0 + 1 } ?? found.end
    }

    private static func find(_ mark: StaticString, in text: ArraySlice<UInt8>) -> (start: Int, end: Int)? {
        var start = text.startIndex
        while let dash = text[start...].firstIndex(of: UInt8(ascii: "-")) {
            start = dash + 1
            guard text.holds(mark, at: dash) else { continue }
            let kind = dash + mark.utf8CodeUnitCount
            for offset in 0...longestKind where text.holds(name, at: kind + offset) {
                return (dash, kind + offset + name.utf8CodeUnitCount)
            }
        }
        return nil
    }

    /// Whether the line looks like one from the middle of a key: nothing but base64, and 64 letters of it.
    static func isLine(_ text: ArraySlice<UInt8>) -> Bool {
        guard (60...80).contains(text.count), text.allSatisfy(\.isBase64) else { return false }
        return text.contains { $0 >= UInt8(ascii: "g") && $0 <= UInt8(ascii: "z") }
            && text.contains { $0 >= UInt8(ascii: "G") && $0 <= UInt8(ascii: "Z") }
            && text.contains(where: \.isDigit)
    }
}

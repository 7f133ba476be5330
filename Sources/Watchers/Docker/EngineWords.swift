/// What the engine or its client says, made fit for a message.
enum EngineWords {
    private static let longest = 200

    /// The first line that is not empty, without control characters and not longer than a message should be.
    static func firstLine(of text: String) -> String {
        let line = text.split(whereSeparator: \.isNewline).lazy.map { clean($0) }.first { !$0.isEmpty } ?? ""
        return String(line.prefix(longest))
    }

    static func firstLine(of bytes: [UInt8]) -> String {
        firstLine(of: String(decoding: bytes.prefix(65536), as: UTF8.self))
    }

    private static func clean(_ line: Substring) -> String {
        let kept = line.unicodeScalars.filter { $0.properties.generalCategory != .control }
        var text = String(String.UnicodeScalarView(kept))[...]
        while text.first?.isWhitespace ?? false { text.removeFirst() }
        while text.last?.isWhitespace ?? false { text.removeLast() }
        return String(text)
    }
}

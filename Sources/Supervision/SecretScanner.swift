/// Masks the secrets of one line: goes through it once from left to right, and never back.
struct SecretScanner {
    private let text: [UInt8]
    private var position = 0
    private var output: [UInt8] = []
    /// The end of the word that was last looked through for credentials, and the last `@` in it.
    private var word: (end: Int, at: Int?) = (0, nil)

    /// - Parameter text: UTF-8 without control characters.
    init(_ text: [UInt8]) {
        self.text = text
        output.reserveCapacity(text.count)
    }

    mutating func run() -> [UInt8] {
        while let byte = text.byte(at: position) {
            if byte.isOfName {
                name()
            } else if text.holds("://", at: position) {
                credentials()
            } else {
                copy(to: position + 1)
            }
        }
        return output
    }

    private mutating func copy(to end: Int) {
        output += text[position..<min(end, text.count)]
        position = min(end, text.count)
    }

    private mutating func mask(to end: Int) {
        if end > position { output += SecretMask.mark.utf8 }
        position = max(position, min(end, text.count))
    }

    // MARK: - Names and what is said of them

    /// At the first byte of a name, which may also be a token.
    private mutating func name() {
        let start = position
        let end = text.end(from: start) { $0.isOfName }
        let name = text[start..<end]
        if let secret = SecretShape.start(in: name) {
            copy(to: secret)
            mask(to: end)
        } else if let (botID, secretEnd) = botToken(name) {
            copy(to: botID)
            return mask(to: secretEnd)
        } else {
            copy(to: end)
        }
        let kind = SecretName(name)
        switch kind {
        case .plain: return
        case .bearer:
            let value = text.end(from: end) { $0 == UInt8(ascii: " ") }
            let valueEnd = text.end(from: value) { $0 != UInt8(ascii: " ") }
            guard value > end, valueEnd - value >= SecretName.shortestBearer else { return }
            copy(to: value)
            if !namesAnother { mask(to: valueEnd) }
        case .secret, .header, .count:
            guard let value = value(after: end, isFlag: name.first == UInt8(ascii: "-")) else { return }
            let isHarmless = kind == .count ? isNumber(value) : isPlaceInSource(name, value)
            guard !isHarmless else { return }
            copy(to: value)
            maskValue(kind == .header ? .some(text.byte(at: start - 1)) : nil)
        }
    }

    /// `123456:AA…`, also behind letters, as in `/bot123456:AA…/sendMessage`.
    private func botToken(_ name: ArraySlice<UInt8>) -> (botID: Int, end: Int)? {
        guard text.byte(at: name.endIndex) == UInt8(ascii: ":") else { return nil }
        let digits = name.reversed().prefix(16).prefix(while: \.isDigit).count
        let secret = name.endIndex + 1
        guard digits >= 6, text.byte(at: secret)?.isOfName ?? false else { return nil }
        let end = text.end(from: secret) { $0.isOfName }
        return end - secret >= 30 ? (name.endIndex - digits, end) : nil
    }

    /// Where the value begins: behind `=` or `:`, with quotes and blanks between, or behind `--name` and a blank.
    private func value(after end: Int, isFlag: Bool) -> Int? {
        let closed = text.end(from: end, atMost: 6) {
            $0.isQuote || $0 == UInt8(ascii: "\\") || $0 == UInt8(ascii: "]")
        }
        let separator = text.end(from: closed) { $0 == UInt8(ascii: " ") }
        switch text.byte(at: separator) {
        case UInt8(ascii: ":") where text.holds("::", at: separator) || text.holds("://", at: separator): return nil
        case UInt8(ascii: "="), UInt8(ascii: ":"):
            let value = text.end(from: separator, atMost: 3) { $0.isOne(of: ":=>") }
            return text.end(from: value) { $0 == UInt8(ascii: " ") }
        case let byte?: return isFlag && separator > end && byte != UInt8(ascii: "-") ? separator : nil
        case nil: return nil
        }
    }

    /// `max_tokens=512`
    private func isNumber(_ value: Int) -> Bool {
        let end = text.end(from: value) { $0.isDigit || $0 == UInt8(ascii: ".") }
        return end > value && !(text.byte(at: end)?.isOfName ?? false)
    }

    /// `auth.py:42`
    private func isPlaceInSource(_ name: ArraySlice<UInt8>, _ value: Int) -> Bool {
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), (1...5).contains(name.endIndex - dot - 1),
            SecretName(name[(dot + 1)...]) == .plain, text.byte(at: name.endIndex) == UInt8(ascii: ":"),
            value == name.endIndex + 1
        else { return false }
        let end = text.end(from: value) { $0.isDigit }
        return (1...6).contains(end - value) && !(text.byte(at: end)?.isOfName ?? false)
    }

    // MARK: - Values

    /// - Parameter header: for what goes on to the end of the line: what stands before its name, or nil for the line's
    ///   beginning.
    private mutating func maskValue(_ header: UInt8??) {
        let quote = text.end(from: position) { $0 == UInt8(ascii: "\\") }
        if text.byte(at: quote)?.isQuote ?? false {
            maskQuoted(from: quote)
        } else if case .some(let before) = header {
            let quote = before.flatMap { $0.isQuote ? $0 : nil }
            mask(to: text.end(from: position) { $0 != quote })
        } else if text.byte(at: position)?.isOne(of: "[{") ?? false {
            maskBracketed()
        } else if !namesAnother {
            let end = text.end(from: position) { $0 != UInt8(ascii: " ") }
            let isScheme = SecretName.isScheme(text[position..<end])
            mask(to: end)
            guard isScheme else { return }
            copy(to: text.end(from: end) { $0 == UInt8(ascii: " ") })
            if !namesAnother { mask(to: text.end(from: position) { $0 != UInt8(ascii: " ") }) }
        }
    }

    /// Whether what stands here is not the value but the name of another secret, whose value comes in its turn.
    private var namesAnother: Bool {
        let end = text.end(from: position) { $0.isOfName }
        let isFlag = text.byte(at: position) == UInt8(ascii: "-")
        return SecretName(text[position..<end]) != .plain && value(after: end, isFlag: isFlag) != nil
    }

    /// - Parameter opening: its quote; as many backslashes stand before it as the text is quoted deep.
    private mutating func maskQuoted(from opening: Int) {
        let depth = opening - position
        let quote = text.byte(at: opening)
        copy(to: opening + 1)
        var backslashes = 0
        var closing = position
        while let byte = text.byte(at: closing) {
            if byte == quote, depth == 0 ? backslashes % 2 == 0 : backslashes <= depth { break }
            backslashes = byte == UInt8(ascii: "\\") ? backslashes + 1 : 0
            closing += 1
        }
        mask(to: text.byte(at: closing) == nil ? closing : closing - min(depth, backslashes))
        // Shells and others join what stands side by side.
        copy(to: closing + 1)
        mask(to: text.end(from: position) { !$0.isOne(of: " ,;&}])>\\") })
    }

    private mutating func maskBracketed() {
        var depth = 0
        let end = text.end(from: position) { byte in
            if byte.isOne(of: "[{") { depth += 1 }
            if byte.isOne(of: "]}") { depth -= 1 }
            return depth > 0
        }
        mask(to: end + 1)
    }

    // MARK: - URLs

    /// At `://`: masks the password of `scheme://user:password@host`.
    private mutating func credentials() {
        copy(to: position + 3)
        if position >= word.end {
            let end = text.end(from: position) { !$0.isQuote && !$0.isOne(of: " <>") }
            word = (end, text[position..<end].lastIndex(of: UInt8(ascii: "@")))
        }
        guard let last = word.at, last >= position else { return }
        let authority = text.end(from: position) { !$0.isQuote && !$0.isOne(of: " <>/?#") }
        let user = position..<authority
        let colon = text[user].firstIndex(of: UInt8(ascii: ":"))
        if let at = text[user].lastIndex(of: UInt8(ascii: "@")) {
            if let colon, colon < at {
                copy(to: colon + 1)
                mask(to: at)
            } else if at - position >= SecretName.longestUser {
                mask(to: at)
            }
        } else if let colon, !text[(colon + 1)..<authority].allSatisfy(\.isDigit) {
            // No port: a password that holds a slash.
            copy(to: colon + 1)
            mask(to: last)
        }
    }
}

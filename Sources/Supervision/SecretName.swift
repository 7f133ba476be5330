/// What a name says of the value behind it.
enum SecretName: Sendable, Hashable {
    case plain
    case secret
    /// Of HTTP: the value is all of the line.
    case header
    /// `Bearer`, which a token follows.
    case bearer
    /// `total_tokens`: a secret unless it is a number.
    case count

    static let shortestBearer = 6
    /// Nobody's name: a longer one is a token.
    static let longestUser = 20

    /// Looked at from its end, where the word stands that says what it is.
    private static let longest = 64

    private static let words: [StaticString] = [
        "token", "secret", "password", "passwd", "passphrase", "apikey", "credential", "privatekey", "accesskey",
        "session", "cookie", "signature", "authkey", "encryptionkey", "authoriz",
    ]
    /// These only as words of their own: `bypass` is none.
    private static let wholeWords: [StaticString] = ["pass", "pwd", "auth", "dsn", "sid", "pin", "otp", "jwt"]

    init(_ name: ArraySlice<UInt8>) {
        let lowered = name.suffix(Self.longest).map(\.lowercased)
        let bare = lowered.filter(\.isLetterOrDigit)[...]
        if bare.equals("bearer") {
            self = .bearer
        } else if ["authorization", "proxyauthorization", "cookie", "setcookie"].contains(where: bare.equals) {
            self = .header
        } else if bare.ends("tokens") {
            self = .count
        } else if Self.words.contains(where: bare.contains) || Self.holdsAuth(bare)
            || lowered.split(whereSeparator: { !$0.isLetterOrDigit }).contains(where: Self.isWholeWord)
        {
            self = .secret
        } else {
            self = .plain
        }
    }

    private static func isWholeWord(_ word: ArraySlice<UInt8>) -> Bool {
        wholeWords.contains(where: word.equals) || (word.ends("pass") && !word.equals("bypass")) || word.ends("pwd")
    }

    /// `auth` in any name but in `author` and `authority`.
    private static func holdsAuth(_ bare: ArraySlice<UInt8>) -> Bool {
        bare.indices.contains { bare.holds("auth", at: $0) && !bare.holds("author", at: $0) }
    }

    /// Whether a word says how what follows it is to be taken (RFC 9110, 11.1).
    static func isScheme(_ word: ArraySlice<UInt8>) -> Bool {
        let lowered = word.prefix(12).map(\.lowercased)[...]
        return ["bearer", "basic", "digest", "token", "bot", "apikey", "negotiate"].contains(where: lowered.equals)
    }
}

/// Secrets that are known by how they look.
enum SecretShape {
    /// The beginning, and how much must follow.
    private static let prefixes: [(text: StaticString, least: Int)] = [
        ("sk-", 8), ("sk_", 12), ("rk_", 12), ("cv_", 4), ("ghp_", 8), ("gho_", 8), ("ghu_", 8), ("ghs_", 8),
        ("ghr_", 8), ("github_pat_", 8), ("glpat-", 8), ("xoxa-", 6), ("xoxb-", 6), ("xoxc-", 6), ("xoxd-", 6),
        ("xoxe-", 6), ("xoxo-", 6), ("xoxp-", 6), ("xoxr-", 6), ("xoxs-", 6), ("xapp-", 6), ("AKIA", 12), ("ASIA", 12),
        ("AIza", 24), ("npm_", 20), ("pypi-", 20), ("hf_", 16), ("whsec_", 8), ("eyJ", 16),
    ]

    /// Where in a name a secret begins that goes on to the name's end.
    static func start(in name: ArraySlice<UInt8>) -> Int? {
        var before: UInt8?
        for (index, byte) in zip(name.indices, name) {
            defer { before = byte }
            // In the middle of a word it is part of that word.
            if before?.isLetterOrDigit ?? false { continue }
            let left = name.endIndex - index
            let isSecret = prefixes.contains {
                left >= $0.text.utf8CodeUnitCount + $0.least && name.holds($0.text, at: index)
            }
            if isSecret { return index }
        }
        return nil
    }
}

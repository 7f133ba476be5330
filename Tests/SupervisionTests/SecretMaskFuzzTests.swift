import Supervision
import Testing

/// Lines that nobody thought of.
@Suite struct SecretMaskFuzzTests {
    /// Where a secret stands that has no blanks and no quotes in it.
    private static let places: [@Sendable (String) -> String] = [
        { "TOKEN=\($0)" }, { "my_Password: \($0)" }, { "{\"api_key\": \"\($0)\"}" }, { "{'secret':'\($0)'}" },
        { "{\\\"auth\\\":\\\"\($0)\\\"}" }, { "mysql://bob:\($0)@host/db" }, { "Authorization: Basic \($0)" },
        { "Bearer \($0)" }, { "sk-\($0)" }, { "cv_\($0)" }, { "ghp_\($0)" }, { "xoxb-1-\($0)" }, { "eyJ\($0).e30.x" },
        { "77123456:AA\($0)\($0)" }, { "Cookie: a=\($0); b=\($0)" }, { "--client-secret \($0)" },
        { "-----BEGIN RSA PRIVATE KEY-----\n\($0)\n-----END RSA PRIVATE KEY-----" }, { "session_token = '\($0)'" },
        { "{\"credentials\": [\"\($0)\", {\"x\": \"\($0)\"}]}" },
    ]

    private static let noise = [
        " ", "  ", "\t", ":", "=", ",", ";", "&", "[", "]", "{", "}", "\\", "@", "/", "://", "-----END X-----", "word",
        "12:30", "auth.py:4", "\u{1B}[31m", "\u{0}", "é", "🙂", "--", "***", "token", "password", "a=b", "http://x/",
        "\r",
    ]

    @Test(arguments: 0..<8) func aPlantedSecretNeverSurvives(_ block: UInt64) {
        var dice = SplitMix64(seed: block)
        for _ in 0..<1_000 {
            let secret = (0..<20).map { _ in
                "abcdefghijkmnpqrstuvwxyzABCDEFGH23456789".randomElement(using: &dice) ?? "x"
            }
            let place = Self.places.randomElement(using: &dice) ?? { $0 }
            let before = Self.noise(upTo: 12, &dice), after = Self.noise(upTo: 12, &dice)
            // A blank before it: in the middle of a word nothing begins.
            let text = "\(before) \(place(String(secret)))\(after.isEmpty ? "" : " ")\(after)"
            let masked = SecretMask.lines(of: Array(text.utf8), last: 100).joined(separator: "\n")
            // Not an expectation each: that costs more than what is tested.
            guard masked.contains(String(secret)) else { continue }
            Issue.record("\(text.debugDescription) gave \(masked.debugDescription)")
        }
    }

    private static func noise(upTo count: Int, _ dice: inout SplitMix64) -> String {
        (0..<Int.random(in: 0...count, using: &dice)).map { _ in noise.randomElement(using: &dice) ?? "" }.joined()
    }

    @Test(arguments: 0..<8) func whateverTheBytesAreALineComesOut(_ block: UInt64) {
        var dice = SplitMix64(seed: 100 + block)
        var mask = SecretMask()
        for _ in 0..<12_500 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0...6, using: &dice) {
                switch Int.random(in: 0...2, using: &dice) {
                case 0: bytes.append(.random(in: 0...255, using: &dice))
                case 1: bytes += (Self.noise.randomElement(using: &dice) ?? "").utf8
                default: bytes += Self.places.randomElement(using: &dice).map { Array($0("x").utf8) } ?? []
                }
            }
            let line = mask.line(bytes)
            if line.unicodeScalars.count > SecretMask.longestLine
                || line.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
            {
                Issue.record("\(bytes) gave \(line.debugDescription)")
            }
        }
    }

    /// With a step back for each byte, the longest line would take four thousand million steps: minutes.
    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            "://", "token=", "a:", "-", "\"", "{", "-----BEGIN ", "://a:b@", "sk-", "1:", "=", "\\\"", "[{", "@", " ",
        ])
    func aLineMadeToBeSlowIsReadAtOnce(_ piece: String) {
        let text = Array(String(repeating: piece, count: (64 << 10) / piece.utf8.count).utf8)
        for _ in 0..<8 {
            var mask = SecretMask()
            #expect(mask.line(text).unicodeScalars.count <= SecretMask.longestLine)
        }
    }
}

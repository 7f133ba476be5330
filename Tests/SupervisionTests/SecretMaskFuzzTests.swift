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
        var dice = SplitMix(state: block)
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

    private static func noise(upTo count: Int, _ dice: inout SplitMix) -> String {
        (0..<Int.random(in: 0...count, using: &dice)).map { _ in noise.randomElement(using: &dice) ?? "" }.joined()
    }

    @Test(arguments: 0..<8) func whateverTheBytesAreALineComesOut(_ block: UInt64) {
        var dice = SplitMix(state: 100 + block)
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

    /// Twice as long takes about twice as long; with a step back for each byte it would be four times.
    @Test(arguments: [
        "://", "token=", "a:", "-", "\"", "{", "-----BEGIN ", "://a:b@", "sk-", "1:", "=", "\\\"", "[{", "@", " ",
    ])
    func theTimeGrowsWithTheLengthAlone(_ piece: String) {
        func steps(_ count: Int) -> Duration {
            let text = Array(String(repeating: piece, count: count).utf8.prefix(16_000))
            return (0..<2).map { _ in
                ContinuousClock().measure {
                    var mask = SecretMask()
                    _ = mask.line(text)
                }
            }.min() ?? .zero
        }
        let (short, long) = (steps(2_000 / piece.utf8.count), steps(16_000 / piece.utf8.count))
        // Eight times the length; sixty-four times the time if it were quadratic.
        #expect(long < short * 32 + .milliseconds(20))
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

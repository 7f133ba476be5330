import Supervision

/// Makes inputs for a parser out of real ones: changed in a few places, so that they get far into it.
///
/// The same seed and number always make the same input, whatever was made before it.
package struct FuzzInputs: Sendable {
    /// An input is cut to this.
    package static let longest = 16384

    private let samples: [[UInt8]]

    /// - Parameter samples: what the parser reads in earnest, one at least.
    package init(samples: [[UInt8]]) {
        precondition(!samples.isEmpty, "nothing to change")
        self.samples = samples
    }

    package func input(_ number: UInt64, seed: UInt64) -> [UInt8] {
        var mixer = SplitMix64(seed: seed &+ number)
        // Mixed: the generators of two seeds that are near each other would go the same way, one step apart.
        var dice = SplitMix64(seed: mixer.next())
        var input = sample(&dice)
        // One in sixteen is as it was found; of the others most have few changes, so that they are read to the end.
        let rolls = (0..<3).map { _ in Int.random(in: 0..<16, using: &dice) }
        let changes = rolls.first == 0 ? 0 : 1 + (rolls.min() ?? 0) / 2
        for _ in 0..<changes { change(&input, &dice) }
        return input.count > Self.longest ? Array(input.prefix(Self.longest)) : input
    }

    private func sample(_ dice: inout SplitMix64) -> [UInt8] { samples.randomElement(using: &dice) ?? [] }

    private func change(_ input: inout [UInt8], _ dice: inout SplitMix64) {
        let start = Int.random(in: 0...input.count, using: &dice)
        let end = min(input.count, start + Int.random(in: 0...40, using: &dice))
        switch Int.random(in: 0..<10, using: &dice) {
        case 0: if start < input.count { input[start] = .random(in: 0...255, using: &dice) }
        case 1: if start < input.count { input[start] ^= 1 << UInt8.random(in: 0..<8, using: &dice) }
        case 2: input.removeSubrange(start..<end)
        case 3: input.insert(contentsOf: input[start..<end], at: start)
        case 4: input.insert(contentsOf: Self.piece(&dice), at: start)
        case 5: input.removeSubrange(start...)
        // A number by another one, a word by another one: what is left is well-formed.
        case 6, 7: replace(&input, from: start, Self.isDigit, by: Self.numbers.randomElement(using: &dice) ?? "")
        case 8: replace(&input, from: start, Self.isWord, by: Self.words.randomElement(using: &dice) ?? "")
        default: splice(&input, at: start, &dice)
        }
    }

    /// Replaces the next bytes of a kind.
    private func replace(
        _ input: inout [UInt8], from start: Int, _ isMeant: (UInt8) -> Bool, by text: String
    ) {
        guard let begin = input[start...].firstIndex(where: isMeant) else { return }
        let end = input[begin...].firstIndex { !isMeant($0) } ?? input.endIndex
        input.replaceSubrange(begin..<end, with: text.utf8)
    }

    /// Goes on as another sample does.
    private func splice(_ input: inout [UInt8], at start: Int, _ dice: inout SplitMix64) {
        let other = sample(&dice)
        input.replaceSubrange(start..., with: other[Int.random(in: 0...other.count, using: &dice)...])
    }

    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    private static func isWord(_ byte: UInt8) -> Bool {
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 || byte == UInt8(ascii: "_")
    }

    private static func piece(_ dice: inout SplitMix64) -> [UInt8] {
        let piece = pieces.randomElement(using: &dice) ?? []
        // Deep, long or often.
        return Int.random(in: 0..<64, using: &dice) == 0
            ? Array(repeatElement(piece, count: Int.random(in: 1...2000, using: &dice)).joined()) : piece
    }

    private static let numbers = [
        "0", "1", "2", "-1", "127", "128", "255", "256", "32768", "65536", "2147483647", "2147483648", "-2147483649",
        "4194304", "4194305", "4294967295", "4294967296", "9223372036854775807", "9223372036854775808",
        "-9223372036854775809", "18446744073709551615", "18446744073709551616", "1e400", "0.5", "-0", "00", "",
        "99999999999999999999999999999999999999",
    ]
    private static let words = [
        "null", "true", "false", "running", "exited", "die", "kill", "oom", "docker", "systemd", "launchd", "process",
        "match", "pidfile", "state", "pid", "keepalive", "SIGKILL", "RTMIN", "Z", "", "{}", "[]",
    ]
    private static let pieces: [[UInt8]] =
        [
            "{", "}", "[", "]", "\"", "\\", "\\u0000", "\\ud800", "'", ",", ":", "=", " = ", "=>", "/", "//", "/../",
            "-",
            "--", "(", ")", " ", "\t", "\n", "\r\n", "\0", "@", "$(id)", ";", "|", "*", "\u{feff}", "\u{202e}",
            "e\u{301}",
            "\u{430}", "🙂", "\u{7f}", "\u{85}", "Inf", "NaN", "0x10", "(never exited)", "last terminating signal = ",
        ].map { Array($0.utf8) } + [
            [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82],
        ]
}

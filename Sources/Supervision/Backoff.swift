/// How long each try waits: the first not at all, then doubling from `initial` up to `maximum`.
package struct Backoff: Sendable, Hashable {
    package var initial: Duration
    package var maximum: Duration

    /// The least wait before a second try, so that a start that fails at once cannot keep a core busy.
    package static let floor = Duration.milliseconds(100)

    package init(initial: Duration = .seconds(1), maximum: Duration = .seconds(300)) {
        self.initial = initial
        self.maximum = maximum
    }

    /// The wait before try `attempt`, counted from 1.
    ///
    /// - Parameter jitter: where in 0.8–1.2 times the nominal wait it falls, as a number in 0..<1.
    package func delay(attempt: Int, jitter: Double) -> Duration {
        guard attempt > 1 else { return .zero }
        var nominal = max(initial, Self.floor)
        for _ in 2..<max(attempt, 2) where nominal < maximum {
            nominal *= 2
        }
        return min(nominal, max(maximum, Self.floor)) * (0.8 + 0.4 * jitter)
    }
}

/// A source of jitter that is a value: the same seed gives the same waits (SplitMix64, public domain algorithm).
package struct JitterSource: Sendable, Hashable {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    /// The next number in 0..<1.
    package mutating func next() -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        mixed ^= mixed >> 31
        return Double(mixed >> 11) * 0x1p-53
    }
}

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

/// A source of jitter that is a value: the same seed gives the same waits.
package struct JitterSource: Sendable, Hashable {
    private var random: SplitMix64

    package init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    /// The next number in 0..<1.
    package mutating func next() -> Double { Double(random.next() >> 11) * 0x1p-53 }
}

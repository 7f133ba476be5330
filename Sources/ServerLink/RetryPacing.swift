import Supervision

/// When to try again what did not get through: `Retry-After` if given, else 1, 2, 4, 8, 10, 10 … s × 0.8–1.2.
package struct RetryPacing: Sendable, Hashable {
    private static let waits: [Duration] = [.seconds(1), .seconds(2), .seconds(4), .seconds(8)]
    private static let longest = Duration.seconds(10)
    /// A server may ask for patience, not for silence, and not to be asked without a pause.
    private static let asked = Duration.seconds(1)...Duration.seconds(3600)

    private var failures = 0
    private var jitter: JitterSource

    package init(seed: UInt64) {
        jitter = JitterSource(seed: seed)
    }

    /// The last try got through.
    package mutating func reset() {
        failures = 0
    }

    /// Takes a failure and says how long to wait.
    package mutating func delay(asked: Duration? = nil) -> Duration {
        let nominal = Self.waits.indices.contains(failures) ? Self.waits[failures] : Self.longest
        failures += 1
        if let asked { return min(max(asked, Self.asked.lowerBound), Self.asked.upperBound) }
        return nominal * (0.8 + 0.4 * jitter.next())
    }
}

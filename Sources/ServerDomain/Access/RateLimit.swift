/// How many requests a key may make: a steady number a minute, up to twice that inside one minute.
package struct RateLimit: Sendable, Hashable {
    package var perMinute: Int

    package init(perMinute: Int) { self.perMinute = perMinute }

    /// What a self-hosted server starts with.
    package static let enterprise = RateLimit(perMinute: 10_000)

    /// One key's use of it.
    package struct Bucket: Sendable, Hashable {
        private var tokens: Double
        private var filledAt: Duration

        /// Starts full: an unused key may burst.
        package init(_ limit: RateLimit, at now: Duration) {
            tokens = Double(limit.perMinute) * 2
            filledAt = now
        }

        /// Takes one request.
        ///
        /// - Returns: Nil when it may pass, else whole seconds until one may.
        package mutating func take(_ limit: RateLimit, at now: Duration) -> Int? {
            let perSecond = Double(limit.perMinute) / 60
            let passed = max(0, (now - filledAt) / .seconds(1))
            tokens = min(Double(limit.perMinute) * 2, tokens + passed * perSecond)
            filledAt = now
            guard tokens < 1 else {
                tokens -= 1
                return nil
            }
            return max(1, Int(((1 - tokens) / perSecond).rounded(.up)))
        }
    }
}

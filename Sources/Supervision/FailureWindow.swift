/// The restarts of the last ten minutes; more than five of them are a crash loop.
package struct FailureWindow: Sendable, Hashable, Codable {
    package static let span = Duration.seconds(600)
    package static let limit = 5

    /// When the restarts began, oldest first.
    package private(set) var restarts: [BootInstant] = []

    package init() {}

    /// Notes a restart that begins now.
    package mutating func record(at now: BootInstant) {
        restarts.removeAll { $0.duration(to: now) >= Self.span }
        restarts.append(now)
        // Only "more than the limit" is ever asked beside the count told to people.
        if restarts.count > 1000 { restarts.removeFirst() }
    }

    /// Takes back the last restart: it did not begin after all.
    package mutating func withdrawLast() { _ = restarts.popLast() }

    /// How many restarts began in the span that ends now.
    package func count(at now: BootInstant) -> Int {
        restarts.count { $0.duration(to: now) < Self.span }
    }

    package func isCrashLoop(at now: BootInstant) -> Bool {
        count(at: now) > Self.limit
    }
}

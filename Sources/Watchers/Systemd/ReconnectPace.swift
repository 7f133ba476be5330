/// How long to wait before the next try to connect.
package struct ReconnectPace: Sendable, Hashable {
    private var failures = 0

    package init() {}

    /// Nothing has failed since it was connected.
    package var isFresh: Bool { failures == 0 }

    /// Counts a failure.
    ///
    /// - Returns: 0.1, 0.2, 0.4 … 6.4, 10 s.
    package mutating func next() -> Duration {
        defer { failures += 1 }
        return failures < 7 ? .milliseconds(100 << failures) : .seconds(10)
    }

    /// Starts afresh: it is connected.
    package mutating func reset() { failures = 0 }
}

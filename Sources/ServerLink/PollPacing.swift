package import Supervision

/// When the next command poll begins: at once after an answer that took 5 s or more or held something new, else 10 s
/// after the last one began, so that a server without long polls is asked every 10 s.
package struct PollPacing: Sendable, Hashable {
    private static let longPoll = Duration.seconds(5)
    private static let cycle = Duration.seconds(10)
    private static let unauthorizedPause = Duration.seconds(60)

    private var retry: RetryPacing

    package init(seed: UInt64) {
        retry = RetryPacing(seed: seed)
    }

    /// Takes an answer.
    package mutating func answered(began: BootInstant, now: BootInstant, hadNews: Bool) -> BootInstant {
        retry.reset()
        return hadNews || began.duration(to: now) >= Self.longPoll ? now : began.advanced(by: Self.cycle)
    }

    /// Takes a failure; `isUnauthorized` when the key was not accepted.
    package mutating func failed(now: BootInstant, asked: Duration?, isUnauthorized: Bool) -> BootInstant {
        if isUnauthorized {
            retry.reset()
            return now.advanced(by: Self.unauthorizedPause)
        }
        return now.advanced(by: retry.delay(asked: asked))
    }
}

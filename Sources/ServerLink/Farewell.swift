import NIOConcurrencyHelpers
package import Supervision

/// How long the last words to the server may take, so that the end of the runner is bounded whatever the server does.
package final class Farewell<C: Clock>: Sendable where C.Instant == BootInstant {
    /// From being told to stop to the goodbye. Only a restart whose target was signalled may take longer.
    package static var whole: Duration { .seconds(12) }
    /// What is given in any case: an answer over a connection that stands takes no longer.
    package static var least: Duration { .seconds(1) }

    private let began = NIOLockedValueBox<BootInstant?>(nil)
    private let clock: C

    package init(clock: C) {
        self.clock = clock
    }

    /// The runner was told to stop. The first call counts.
    package func begin() {
        let now = clock.now
        began.withLockedValue { $0 = $0 ?? now }
    }

    /// Until when somebody may go on who begins his last words now.
    ///
    /// - Parameters:
    ///   - longest: what he takes when there is time enough.
    ///   - reserve: what he leaves to those after him.
    package func deadline(atMost longest: Duration, leaving reserve: Duration = .zero) -> BootInstant {
        let now = clock.now
        let left = now.duration(to: (began.withLockedValue { $0 } ?? now).advanced(by: Self.whole - reserve))
        return now.advanced(by: min(longest, max(Self.least, left)))
    }
}

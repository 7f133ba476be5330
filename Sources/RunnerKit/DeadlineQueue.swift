import NIOConcurrencyHelpers
package import Supervision
import SystemSupport

/// One timer for all targets: it sleeps until the earliest deadline.
package final class DeadlineQueue<C: Clock>: Sendable where C.Instant == BootInstant {
    private let deadlines = NIOLockedValueBox<[TargetID: BootInstant]>([:])
    private let signal = WakeSignal()
    private let clock: C
    private let fire: @Sendable (TargetID) -> Void

    /// - Parameter fire: tells a target that its deadline has come; it sets the next one.
    package init(clock: C, fire: @escaping @Sendable (TargetID) -> Void) {
        self.clock = clock
        self.fire = fire
    }

    /// Replaces a target's deadline; nil for none.
    package func set(_ deadline: BootInstant?, for target: TargetID) {
        let isEarlier = deadlines.withLockedValue { deadlines in
            let earliest = deadlines.values.min()
            guard deadlines[target] != deadline else { return false }
            deadlines[target] = deadline
            // A timer that rings too early finds nothing due and sleeps again.
            return deadline.map { new in earliest.map { new < $0 } ?? true } ?? false
        }
        if isEarlier { signal.raise() }
    }

    /// Serves deadlines until cancelled.
    package func run() async {
        while !Task.isCancelled {
            let now = clock.now
            let (due, next) = deadlines.withLockedValue { deadlines in
                let due = deadlines.filter { $0.value <= now }.map(\.key)
                for target in due { deadlines[target] = nil }
                return (due, deadlines.values.min())
            }
            for target in due { fire(target) }
            await signal.wait(until: next, clock: clock)
        }
    }
}

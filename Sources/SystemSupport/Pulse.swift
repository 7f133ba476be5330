import NIOConcurrencyHelpers
package import Supervision

/// When a loop promises to come round again, so that somebody else can tell that it hangs.
package final class Pulse: Sendable {
    /// How much later than promised a loop may be, on a busy machine.
    package static var tolerance: Duration { .seconds(30) }

    package let name: String
    private let promised = NIOLockedValueBox<BootInstant?>(nil)

    /// - Parameter name: what it is that could hang, for people.
    package init(_ name: String) {
        self.name = name
    }

    /// The loop will be back by then; nil when it waits for what may never come.
    package func promise(_ moment: BootInstant?) {
        promised.withLockedValue { $0 = moment }
    }

    package func isMissed(at now: BootInstant) -> Bool {
        promised.withLockedValue { $0 }.map { $0.advanced(by: Self.tolerance) < now } ?? false
    }
}

import FoundationEssentials
import WireProtocol

/// Reads both clocks of the server and sleeps on the steady one.
package struct ServerClock: Sendable {
    /// Gives the present moment.
    package let now: @Sendable () -> Moment
    /// Sleeps until a reading of the steady clock; throws when cancelled.
    package let sleep: @Sendable (_ until: Duration) async throws -> Void

    package init(
        now: @escaping @Sendable () -> Moment, sleep: @escaping @Sendable (_ until: Duration) async throws -> Void
    ) {
        self.now = now
        self.sleep = sleep
    }

    /// The host's clocks: a steady one that stops while the host sleeps, so that a suspend is no silence.
    package static func system() -> ServerClock {
        let clock = SuspendingClock()
        let origin = clock.now
        return ServerClock(
            now: { Moment(steady: origin.duration(to: clock.now), wall: WireTime(Date())) },
            sleep: { try await clock.sleep(until: origin.advanced(by: $0), tolerance: .zero) })
    }
}

package import Supervision

/// The injected clock, without its type.
package struct WatchClock: Sendable {
    private let readNow: @Sendable () -> BootInstant
    private let sleepUntil: @Sendable (BootInstant) async throws -> Void

    package init<C: Clock>(_ clock: C) where C.Instant == BootInstant, C.Duration == Duration {
        readNow = { clock.now }
        sleepUntil = { try await clock.sleep(until: $0, tolerance: nil) }
    }

    package var now: BootInstant { readNow() }

    package func sleep(until deadline: BootInstant) async throws {
        try await sleepUntil(deadline)
    }

    package func sleep(for duration: Duration) async throws {
        try await sleepUntil(now.advanced(by: duration))
    }
}

import Glibc
package import Supervision

/// The clock that starts with the machine and runs on while it sleeps: CLOCK_BOOTTIME (clock_gettime(2)).
///
/// Swift's `ContinuousClock` reads the same clock on Linux but hides its zero; start times in /proc count from it.
package struct BootClock: Clock {
    package typealias Instant = BootInstant

    private let loop: EventLoop?

    /// - Parameter loop: wakes those who sleep; without one, Swift's own clock does, with threads of its own.
    package init(sleepingOn loop: EventLoop? = nil) {
        self.loop = loop
    }

    package var now: BootInstant { BootInstant(sinceBoot: Duration(clock: CLOCK_BOOTTIME)) }

    package var minimumResolution: Duration { .nanoseconds(1) }

    package func sleep(until deadline: BootInstant, tolerance: Duration?) async throws {
        if let loop { return try await loop.sleep(until: deadline) }
        let clock = ContinuousClock()
        try await clock.sleep(until: clock.now.advanced(by: now.duration(to: deadline)), tolerance: tolerance)
    }
}

/// The time of day, for comparing with the times of files.
package struct WallTime: Sendable, Hashable, Comparable, Codable {
    package var sinceEpoch: Duration

    package init(sinceEpoch: Duration) {
        self.sinceEpoch = sinceEpoch
    }

    package static var now: WallTime { WallTime(sinceEpoch: Duration(clock: CLOCK_REALTIME)) }

    /// The time of day at which this machine's boot clock stood at zero, as the clocks stand now.
    package static var boot: WallTime { WallTime(sinceEpoch: now.sinceEpoch - BootClock().now.sinceBoot) }

    package static func < (lhs: WallTime, rhs: WallTime) -> Bool { lhs.sinceEpoch < rhs.sinceEpoch }
}

extension Duration {
    init(_ time: timespec) {
        self = .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }

    fileprivate init(clock: clockid_t) {
        var time = timespec()
        // Can fail only for clocks that the kernel does not have.
        clock_gettime(clock, &time)
        self.init(time)
    }
}

extension BootInstant {
    /// The moment that /proc gives as a number of clock ticks since boot (sysconf(3), _SC_CLK_TCK).
    package init(ticks: UInt64) {
        let perSecond = UInt64(clamping: max(1, sysconf(Int32(_SC_CLK_TCK))))
        let (seconds, rest) = ticks.quotientAndRemainder(dividingBy: perSecond)
        self.init(sinceBoot: .seconds(Int64(clamping: seconds)) + .seconds(Int64(rest)) / Int(perSecond))
    }
}

extension BootInstant {
    /// The moment that CLOCK_MONOTONIC gives in microseconds, as that clock stands now. It stops while the machine sleeps:
    /// of a moment before a sleep this tells as much too late.
    package init(monotonicMicroseconds: UInt64) {
        let apart = Duration(clock: CLOCK_BOOTTIME) - Duration(clock: CLOCK_MONOTONIC)
        self.init(sinceBoot: apart + .microseconds(Int64(clamping: monotonicMicroseconds)))
    }
}

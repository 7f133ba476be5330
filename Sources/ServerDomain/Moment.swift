package import WireProtocol

/// One reading of both clocks: the steady one judges, the civil one dates.
package struct Moment: Sendable, Hashable {
    /// Time since some fixed point of this process's life, on a clock that stops while the host sleeps.
    package var steady: Duration
    /// What people and the wire see.
    package var wall: WireTime

    package init(steady: Duration, wall: WireTime) {
        self.steady = steady
        self.wall = wall
    }

    /// Rebuilds a moment that was stored by its civil time only.
    ///
    /// A civil clock that was set back in between must not make it lie in the future.
    package func earlier(at stored: WireTime) -> Moment {
        let age = max(0, wall.millisecondsSince1970 - stored.millisecondsSince1970)
        return Moment(steady: steady - .milliseconds(age), wall: stored)
    }
}

/// Counts whole days of the civil calendar, UTC, from 1970-01-01.
package struct DayNumber: RawRepresentable, Sendable, Hashable, Comparable {
    package var rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }

    /// Finds the day that `time` falls into.
    package init(_ time: WireTime) {
        rawValue = time.millisecondsSince1970 / 86_400_000
    }

    package static func < (lhs: DayNumber, rhs: DayNumber) -> Bool { lhs.rawValue < rhs.rawValue }
}

package import FoundationEssentials

/// A point on the civil time line as the wire carries it: RFC 3339, UTC, milliseconds.
///
/// It dates events for people. Nothing may be ordered or timed by it: a sender's clock can be wrong (`seq` orders,
/// receive time judges silence).
package struct WireTime: Sendable, Hashable, Comparable {
    /// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    package var millisecondsSince1970: Int64

    package init(millisecondsSince1970: Int64) {
        self.millisecondsSince1970 = millisecondsSince1970
    }

    /// Takes the system's civil time, rounded down to the millisecond.
    package init(_ date: Date) {
        let milliseconds = (date.timeIntervalSince1970 * 1000).rounded(.down)
        self.init(millisecondsSince1970: Int64(exactly: milliseconds) ?? 0)
    }

    /// Reads an RFC 3339 date-time with or without a fraction of a second.
    ///
    /// - Returns: `nil` for anything else, for a date that no calendar has, and for a year outside 1970–9999.
    package init?(rfc3339 text: String) {
        // Read here, not by a formatter: those take 31 February and a text behind the time, and calculate in Double,
        // which loses a millisecond of every other time.
        var reader = RFC3339Reader(text)
        guard let milliseconds = reader.milliseconds(), Self.years.contains(milliseconds) else { return nil }
        self.init(millisecondsSince1970: milliseconds)
    }

    /// The text form, for instance `2026-11-23T21:16:00.120Z`; the nearest that there is for a year outside 1970–9999.
    package var rfc3339: String {
        let (seconds, milliseconds) = min(max(millisecondsSince1970, 0), Self.years.upperBound)
            .quotientAndRemainder(dividingBy: 1000)
        let (day, second) = seconds.quotientAndRemainder(dividingBy: 86_400)
        let date = CivilDate(daysSince1970: Int(day))
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let clock = [Int(second) / 3600, Int(second) / 60 % 60, Int(second) % 60].map { padded($0, 2) }
        return "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))"
            + "T\(clock.joined(separator: ":")).\(padded(Int(milliseconds), 3))Z"
    }

    package static func < (lhs: WireTime, rhs: WireTime) -> Bool {
        lhs.millisecondsSince1970 < rhs.millisecondsSince1970
    }

    /// The same moment moved by `duration`, truncated to milliseconds; saturates instead of trapping.
    package func advanced(by duration: Duration) -> WireTime {
        let milliseconds = duration.wholeMilliseconds
        let (sum, overflow) = millisecondsSince1970.addingReportingOverflow(milliseconds)
        return WireTime(millisecondsSince1970: overflow ? (milliseconds < 0 ? .min : .max) : sum)
    }

    private static let years: ClosedRange<Int64> = 0...253_402_300_799_999
}

extension WireTime: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let time = WireTime(rfc3339: text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an RFC 3339 time")
        }
        self = time
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rfc3339)
    }
}

extension Duration {
    /// Whole milliseconds, rounded towards zero; saturates instead of trapping.
    package var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, carry) = product.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
        if carry { return seconds < 0 ? .min : .max }
        return sum
    }

    /// Seconds as the wire's floating-point number.
    package var wireSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}

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
    /// - Returns: `nil` for anything else, and for a year outside 1970–9999.
    package init?(rfc3339 text: String) {
        guard text.utf8.count <= 40 else { return nil }
        let date =
            (try? Date(text, strategy: Self.withFraction)) ?? (try? Date(text, strategy: Self.withoutFraction))
        guard let date, date.timeIntervalSince1970 >= 0, date.timeIntervalSince1970 < 253_402_300_800 else {
            return nil
        }
        // Parsing goes through a Double: round to the nearest millisecond instead of losing one.
        let milliseconds = (date.timeIntervalSince1970 * 1000).rounded()
        guard let exact = Int64(exactly: milliseconds) else { return nil }
        self.init(millisecondsSince1970: exact)
    }

    /// The text form, for instance `2026-11-23T21:16:00.120Z`.
    package var rfc3339: String {
        Date(timeIntervalSince1970: Double(millisecondsSince1970) / 1000).formatted(Self.withFraction)
    }

    package static func < (lhs: WireTime, rhs: WireTime) -> Bool {
        lhs.millisecondsSince1970 < rhs.millisecondsSince1970
    }

    /// The same moment moved by `duration`, truncated to milliseconds.
    package func advanced(by duration: Duration) -> WireTime {
        WireTime(millisecondsSince1970: millisecondsSince1970 + duration.wholeMilliseconds)
    }

    private static let withFraction = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    private static let withoutFraction = Date.ISO8601FormatStyle(includingFractionalSeconds: false)
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

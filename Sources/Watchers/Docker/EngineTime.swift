import WireProtocol

/// A moment on the engine's own clock, which need not be the host's.
package struct EngineTime: Sendable, Hashable, Comparable {
    package var nanosecondsSince1970: Int64

    package init(nanosecondsSince1970: Int64) {
        self.nanosecondsSince1970 = nanosecondsSince1970
    }

    /// Reads a time as `docker inspect` writes it; nil for its zero, `0001-01-01T00:00:00Z`, and for what is no time.
    package init?(rfc3339 text: String) {
        guard let time = WireTime(rfc3339: text) else { return nil }
        // What a millisecond leaves over: the fraction's digits from the fourth to the ninth.
        let fraction = text.utf8.drop { $0 != UInt8(ascii: ".") }.dropFirst().prefix { (0x30...0x39).contains($0) }
        let rest = fraction.dropFirst(3).prefix(6)
        var nanoseconds = rest.reduce(Int64(0)) { $0 * 10 + Int64($1 - 0x30) }
        for _ in rest.count..<6 { nanoseconds *= 10 }
        let (product, overflow) = time.millisecondsSince1970.multipliedReportingOverflow(by: 1_000_000)
        guard !overflow else { return nil }
        self.init(nanosecondsSince1970: product + nanoseconds)
    }

    package func duration(to other: EngineTime) -> Duration {
        .nanoseconds(other.nanosecondsSince1970.subtractingReportingOverflow(nanosecondsSince1970).partialValue)
    }

    package static func < (lhs: EngineTime, rhs: EngineTime) -> Bool {
        lhs.nanosecondsSince1970 < rhs.nanosecondsSince1970
    }
}

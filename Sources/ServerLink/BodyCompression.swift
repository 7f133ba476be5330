package import Supervision

/// Decides which bodies go out as gzip: those for a server whose last answer offered to read it (RFC 7694).
package struct BodyCompression: Sendable, Hashable {
    /// Smaller bodies, in bytes, go out as they are: with their head they fill one packet either way.
    package static let leastBytes = 1024
    /// How long bodies go out as they are after one could not be read.
    package static let plainTime = Duration.seconds(3600)

    private var isOffered = false
    private var plainUntil: BootInstant?

    package init() {}

    /// Whether this body is to be packed.
    package func applies(to body: [UInt8], at now: BootInstant) -> Bool {
        guard isOffered, body.count >= Self.leastBytes else { return false }
        return plainUntil.map { now >= $0 } ?? true
    }

    /// Notes an answer.
    ///
    /// 415 says that the body was not read. So may 400 and 422, from an older server that took over: it finds no JSON.
    ///
    /// - Parameters:
    ///   - acceptEncoding: The values of that header, split at commas.
    ///   - isPacked: Whether the answer is to a packed body.
    /// - Returns: Whether the body is to be sent again as it is, before anything else is made of the answer.
    package mutating func note(
        status: Int, acceptEncoding: [Substring], isPacked: Bool, at now: BootInstant
    ) -> Bool {
        isOffered = acceptEncoding.contains { Self.isGzip($0) }
        guard isPacked, [400, 415, 422].contains(status) else { return false }
        plainUntil = now.advanced(by: Self.plainTime)
        return true
    }

    /// Whether an entry of the header names gzip and does not rule it out with a weight of zero (RFC 9110, 12.4.2).
    private static func isGzip(_ entry: Substring) -> Bool {
        let parts = entry.split(separator: ";").map { part in
            part.lowercased().filter { $0 != " " && $0 != "\t" }
        }
        guard let name = parts.first, ["gzip", "x-gzip"].contains(name) else { return false }
        return !parts.dropFirst().contains { $0.hasPrefix("q=") && Double($0.dropFirst(2)) == 0 }
    }
}

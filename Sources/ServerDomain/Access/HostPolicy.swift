/// Decides which names the dashboard answers to.
///
/// An IP address cannot be bound to another one by a hostile name server, and `localhost` neither; everything else must
/// be ours by name.
package struct HostPolicy: Sendable, Hashable {
    private let names: Set<String>

    /// - Parameter names: The public URL's authority and this host's own name.
    package init(names: [String]) {
        self.names = Set(names.map { Self.host(of: $0) })
    }

    /// Whether the dashboard may be served under this Host header.
    package func allows(_ authority: String?) -> Bool {
        guard let authority, !authority.isEmpty else { return false }
        let host = Self.host(of: authority)
        return host == "localhost" || Self.isAddress(host) || names.contains(host)
    }

    /// Whether an Origin header names the very server that the Host header does, or its public name.
    package func isOrigin(_ origin: String, of authority: String?) -> Bool {
        guard let separator = origin.firstRange(of: "://") else { return false }
        let scheme = origin[..<separator.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else { return false }
        let from = String(origin[separator.upperBound...]).lowercased()
        return from == authority?.lowercased() || names.contains(Self.host(of: from))
    }

    /// The name without port, in lower case.
    private static func host(of authority: String) -> String {
        let lower = authority.lowercased()
        if lower.hasPrefix("["), let end = lower.firstIndex(of: "]") { return String(lower[...end]) }
        return lower.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).first.map(String.init) ?? ""
    }

    private static func isAddress(_ host: String) -> Bool {
        if host.hasPrefix("[") {
            return host.hasSuffix("]") && host.dropFirst().dropLast().utf8.allSatisfy(isIPv6Byte) && host.count > 3
        }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }

    private static func isIPv6Byte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
        case UInt8(ascii: ":"), UInt8(ascii: "."): true
        default: false
        }
    }
}

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Hosts that are reached without a proxy, as NO_PROXY lists them.
///
/// The rules of curl (CURLOPT_NOPROXY(3)): names with or without a leading dot stand for themselves and all below them,
/// addresses may have a prefix length, `*` is everything; commas or blanks stand between.
struct NoProxyList: Sendable {
    private let entries: [String]

    init(_ text: String) {
        entries = text.lowercased().split { $0 == "," || $0.isWhitespace }.map(String.init)
    }

    /// - Parameter host: a name or an address, the latter without brackets.
    func contains(_ host: String) -> Bool {
        let host = Self.bare(host.lowercased())
        let address = Self.address(host)
        return entries.contains { entry in
            if entry == "*" { return true }
            if let address { return Self.contains(address, entry) }
            let name = Self.bare(entry.hasPrefix(".") ? String(entry.dropFirst()) : entry)
            return !name.isEmpty && (host == name || host.hasSuffix(".\(name)"))
        }
    }

    private static func contains(_ address: [UInt8], _ entry: String) -> Bool {
        let parts = entry.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let first = parts.first, let network = Self.address(bare(String(first))),
            network.count == address.count
        else { return false }
        guard parts.count == 2 else { return network == address }
        guard let length = parts.last.flatMap({ Int($0) }), (0...address.count * 8).contains(length) else {
            return false
        }
        return zip(network, address).enumerated().allSatisfy { index, pair in
            let bits = min(8, max(0, length - index * 8))
            let mask = UInt8(truncatingIfNeeded: 0xff << (8 - bits))
            return pair.0 & mask == pair.1 & mask
        }
    }

    /// Without the brackets of a URL and the dot that ends a full name.
    private static func bare(_ host: String) -> String {
        if host.hasPrefix("["), host.hasSuffix("]") { return String(host.dropFirst().dropLast()) }
        return host.hasSuffix(".") ? String(host.dropLast()) : host
    }

    /// The bytes of an IPv4 or IPv6 address; nil for a name.
    private static func address(_ text: String) -> [UInt8]? {
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            if inet_pton(family, text, &bytes) == 1 { return bytes }
        }
        return nil
    }
}

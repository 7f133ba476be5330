/// What the server runs with, after every value was checked.
package struct ServingConfiguration: Sendable, Hashable {
    package struct TLSFiles: Sendable, Hashable {
        package var certificate: String
        package var key: String
    }

    package var listen: ListenAddress
    package var stateDirectory: String
    package var databasePath: String
    package var publicURL: PublicURL?
    package var tls: TLSFiles?
    package var allowsHTTP: Bool
    /// Requests a minute and key; nil lifts the limit.
    package var requestsPerMinute: Int?
    package var logLevel: String
    /// `auto`, `text`, `json` or `journal`.
    package var logFormat: String
}

/// The address that the server binds.
package struct ListenAddress: Sendable, Hashable {
    package var host: String
    package var port: Int

    /// Reads `HOST:PORT` or `[IPV6]:PORT`.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port), text[text.index(after: colon)...].utf8.allSatisfy({ (48...57).contains($0) })
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }) else {
            return nil
        }
        self.host = String(host)
        self.port = port
    }

    /// Whether only this host can reach it.
    package var isLoopback: Bool {
        host == "localhost" || host == "::1" || (host.hasPrefix("127.") && host.split(separator: ".").count == 4)
    }

    /// Host and port as a URL writes them.
    package var text: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// The address that people and runners use, as far as the server must know it.
package struct PublicURL: Sendable, Hashable {
    /// Without a slash at the end.
    package var text: String
    package var isHTTPS: Bool

    /// Reads `http://HOST[:PORT]` or `https://HOST[:PORT]`; a path is not possible.
    package init?(_ text: String) {
        let trimmed = text.hasSuffix("/") ? String(text.dropLast()) : text
        guard let scheme = ["https://", "http://"].first(where: { trimmed.hasPrefix($0) }) else { return nil }
        let authority = trimmed.dropFirst(scheme.count)
        guard !authority.isEmpty, authority.utf8.allSatisfy(Self.isAuthority) else { return nil }
        self.text = trimmed
        isHTTPS = scheme == "https://"
    }

    private static func isAuthority(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"): true
        default: false
        }
    }
}

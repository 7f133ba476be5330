import WireProtocol

/// Why a server's certificates are not believed.
enum CertificateDoubt: Sendable, Hashable {
    case notYetValid(from: Int)
    case expired(at: Int)
    case unknownAuthority
    /// They could not be looked at.
    case unknown

    /// From when to when a certificate says that it is valid, in seconds since 1970.
    struct Validity: Sendable, Hashable {
        var notBefore: Int
        var notAfter: Int
    }

    /// - Parameter now: in seconds since 1970, by the clock of this host, which may be what is wrong.
    init(_ chain: [Validity], now: Int) {
        if chain.isEmpty {
            self = .unknown
        } else if let late = chain.first(where: { $0.notAfter < now }) {
            self = .expired(at: late.notAfter)
        } else if let early = chain.first(where: { $0.notBefore > now }) {
            self = .notYetValid(from: early.notBefore)
        } else {
            self = .unknownAuthority
        }
    }

    /// One line: what is wrong, and what would be right.
    func words(hasTrustRoots: Bool) -> String {
        let authority =
            hasTrustRoots
            ? "--ca-file does not hold the authority that signed it"
            : "name the authority that signed it with --ca-file FILE"
        return switch self {
        case .notYetValid(let from):
            "TLS: the server's certificate is not valid before \(Self.date(from)): set the clock right, here or where it was made"
        case .expired(let at):
            "TLS: the server's certificate expired on \(Self.date(at)): it must be renewed, or the clock here set right"
        case .unknownAuthority:
            "TLS: the server's certificate comes from an authority that is not known here: \(authority)"
        case .unknown:
            "TLS: the server's certificate is not believed: it has expired, or \(authority)"
        }
    }

    private static func date(_ seconds: Int) -> String {
        WireTime(millisecondsSince1970: Int64(seconds) * 1000).rfc3339.replacing(".000Z", with: "Z")
    }
}

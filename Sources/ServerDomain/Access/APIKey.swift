import Crypto
package import WireProtocol

/// What a key may do.
package enum KeyScope: String, Sendable, Hashable, CaseIterable {
    /// Heartbeats, polling, results.
    case ingest
    /// Queueing restarts and stops.
    case commands
    case read
    case admin
}

/// One key as the server remembers it: never the secret itself.
package struct APIKey: Sendable, Hashable {
    package var id: Int64
    package var project: ProjectID
    package var name: String
    package var digest: SecretDigest
    package var scopes: Set<KeyScope>
    package var createdAt: WireTime
    package var revokedAt: WireTime?

    package init(
        id: Int64, project: ProjectID, name: String, digest: SecretDigest, scopes: Set<KeyScope>, createdAt: WireTime,
        revokedAt: WireTime? = nil
    ) {
        self.id = id
        self.project = project
        self.name = name
        self.digest = digest
        self.scopes = scopes
        self.createdAt = createdAt
        self.revokedAt = revokedAt
    }

    /// Whether it may do something; `admin` may do everything.
    package func allows(_ scope: KeyScope) -> Bool {
        revokedAt == nil && (scopes.contains(scope) || scopes.contains(.admin))
    }
}

/// A random secret in the form people copy: a prefix and 256 bits in hexadecimal.
package struct Secret: Sendable, Hashable {
    package var text: String

    package init(text: String) { self.text = text }

    /// Draws a new API key.
    package static func apiKey() -> Secret { draw(prefix: "cv_") }

    /// Draws a new token for a sign-in link or a session.
    package static func token() -> Secret { draw(prefix: "") }

    /// What is stored instead of it.
    package var digest: SecretDigest { SecretDigest(bytes: Array(SHA256.hash(data: Array(text.utf8)))) }

    /// A second secret that follows from this one and does not give it away.
    package func derived(for purpose: String) -> Secret {
        let code = HMAC<SHA256>.authenticationCode(
            for: Array(purpose.utf8), using: SymmetricKey(data: Array(text.utf8)))
        return Secret(text: Array(code).hexadecimal)
    }

    private static func draw(prefix: String) -> Secret {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        return Secret(text: prefix + bytes.hexadecimal)
    }
}

/// The SHA-256 of a secret.
package struct SecretDigest: Sendable, Hashable {
    package var bytes: [UInt8]

    package init(bytes: [UInt8]) { self.bytes = bytes }

    /// Compares in a time that does not depend on where the two differ.
    package func matches(_ other: SecretDigest) -> Bool {
        guard bytes.count == other.bytes.count else { return false }
        return zip(bytes, other.bytes).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

extension [UInt8] {
    /// Two lower-case digits a byte.
    package var hexadecimal: String {
        let digits = Array<UInt8>("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(count * 2)
        for byte in self {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}

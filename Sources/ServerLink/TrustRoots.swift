import NIOSSL

/// The authorities that the server's certificate must come from, in place of the system's.
package struct TrustRoots: Sendable, Hashable {
    /// Why a text names no authority, for the one line that a person reads.
    package struct Problem: Error, Sendable, Hashable {
        package var words: String
    }

    let certificates: [NIOSSLCertificate]

    /// Reads certificates in PEM (RFC 7468), one after the other; what stands between them means nothing.
    package init(pem: [UInt8]) throws(Problem) {
        let expected = "it must hold certificates in PEM, each from -----BEGIN CERTIFICATE-----"
        guard !pem.isEmpty else { throw Problem(words: "is empty: \(expected)") }
        do {
            certificates = try NIOSSLCertificate.fromPEMBytes(pem)
        } catch {
            throw Problem(words: "holds no certificate that can be read: \(expected)")
        }
        guard !certificates.isEmpty else { throw Problem(words: "holds no certificate: \(expected)") }
    }
}

package import SystemPackage

/// An authority for certificates that lives as long as a test, made with openssl(1).
package struct TestAuthority: Sendable {
    /// A certificate and its key, as files.
    package struct Identity: Sendable {
        package var certificate: FilePath
        package var key: FilePath
    }

    /// From when to when a certificate is valid, in the form of openssl-ca(1).
    package struct Validity: Sendable {
        package var from: String
        package var until: String

        package static let now = Validity(from: "20200101000000Z", until: "20991231235959Z")
        package static let past = Validity(from: "20200101000000Z", until: "20210102030405Z")
        package static let future = Validity(from: "20900102030405Z", until: "20991231235959Z")
    }

    private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

    private let directory: TestProcessDirectory

    /// Its own certificate, in PEM.
    package var certificate: FilePath { directory.file("authority.pem") }

    package init() async throws {
        directory = try TestProcessDirectory()
        try directory.write("", to: directory.file("index"))
        try directory.write(settings, to: directory.file("settings"))
        try await openssl(
            ["req", "-x509"] + Self.newKey + [
                "-keyout", file("authority.key"), "-out", certificate.string, "-subj", "/CN=authority of a test",
                "-days", "3650",
            ])
    }

    /// Makes a certificate for a server.
    ///
    /// - Parameter name: as in a subjectAltName: `DNS:localhost`, `IP:127.0.0.1`.
    package func identity(for name: String, valid validity: Validity = .now) async throws -> Identity {
        try directory.write("subjectAltName=\(name)\n", to: directory.file("extensions"))
        let mark = String(UInt32.random(in: 0 ... .max), radix: 16)
        let identity = Identity(
            certificate: directory.file("certificate-" + mark), key: directory.file("key-" + mark))
        try await openssl(
            ["req"] + Self.newKey + [
                "-keyout", identity.key.string, "-out", file("request"), "-subj", "/CN=server of a test",
            ])
        try await openssl([
            "ca", "-batch", "-notext", "-config", file("settings"), "-cert", certificate.string, "-keyfile",
            file("authority.key"), "-in", file("request"), "-out", identity.certificate.string, "-startdate",
            validity.from,
            "-enddate", validity.until, "-extfile", file("extensions"),
        ])
        return identity
    }

    private var settings: String {
        """
        [ca]
        default_ca = here
        [here]
        database = \(file("index"))
        new_certs_dir = \(directory.path.string)
        default_md = sha256
        policy = any
        rand_serial = yes
        unique_subject = no
        [any]
        commonName = supplied

        """
    }

    private func file(_ name: String) -> String { directory.file(name).string }

    private func openssl(_ arguments: [String]) async throws {
        let child = try ChildProcess(["/usr/bin/openssl"] + arguments, output: .file(file("log")))
        let status = await child.ended()
        guard status == 0 else {
            throw TestProcessError(description: "openssl \(arguments.first ?? "") ended with wait status \(status)")
        }
    }
}

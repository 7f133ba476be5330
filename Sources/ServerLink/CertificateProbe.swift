import NIOCore
import NIOPosix
import NIOSSL

/// Looks at the certificates of a server that was not believed, to say why: the handshake that failed does not tell.
///
/// Nothing is sent but the beginning of a handshake, which is always given up.
struct CertificateProbe: Sendable {
    /// From the connection to the certificates.
    private static let patience = TimeAmount.seconds(5)

    let host: String
    let port: Int
    let group: any EventLoopGroup

    /// The server's own certificate first; empty when it could not be asked.
    func certificates() async -> [NIOSSLCertificate] {
        let loop = group.any()
        let found = loop.makePromise(of: [NIOSSLCertificate].self)
        let expiry = loop.scheduleTask(in: Self.patience) { found.succeed([]) }
        let connected = ClientBootstrap(group: loop).connectTimeout(Self.patience).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                var settings = TLSConfiguration.makeClientConfiguration()
                settings.certificateVerification = .noHostnameVerification
                let handler = try NIOSSLClientHandler(
                    context: NIOSSLContext(configuration: settings),
                    serverHostname: isAddress ? nil : host

                ) {
                    (certificates: [NIOSSLCertificate], verdict: EventLoopPromise<NIOSSLVerificationResult>) in
                    found.succeed(certificates)
                    verdict.succeed(NIOSSLVerificationResult.failed)
                }
                try channel.pipeline.syncOperations.addHandler(handler)
            }
        }.connect(host: host, port: port)
        connected.whenFailure { _ in found.succeed([]) }
        connected.whenSuccess { channel in channel.closeFuture.whenComplete { _ in found.succeed([]) } }
        let certificates = (try? await found.futureResult.get()) ?? []
        expiry.cancel()
        connected.whenSuccess { $0.close(promise: nil) }
        return certificates
    }

    private var isAddress: Bool { (try? SocketAddress(ipAddress: host, port: port)) != nil }
}

import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Supervision

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Words for a person from what the HTTP and TLS libraries throw.
enum TransportFailure {
    /// Whom it was tried to reach.
    struct Place {
        var host: String
        var port: Int
        var isPlainText: Bool
        /// The proxy, without its credentials.
        var proxy: ProxyServer?

        init(_ configuration: TransportConfiguration) {
            let parts = URLComponents(string: configuration.endpoint)
            host = (parts?.host ?? "").replacing("[", with: "").replacing("]", with: "")
            isPlainText = parts?.scheme?.lowercased() != "https"
            port = parts?.port ?? (isPlainText ? 80 : 443)
            proxy = configuration.proxy
        }

        /// What a name server is asked for; nil for an address.
        var nameToResolve: String? {
            let name = proxy?.host ?? host
            return (try? SocketAddress(ipAddress: name, port: port)) == nil ? name : nil
        }
    }

    /// Whether the server's certificates were not believed, for a reason that the error does not hold.
    static func isDistrust(_ error: any Error) -> Bool {
        guard case NIOSSLError.handshakeFailed(.sslError(let stack))? = error as? NIOSSLError else { return false }
        return "\(stack)".contains("CERTIFICATE_VERIFY_FAILED")
    }

    /// Whether there was no connection in time, be it for want of an address or of somebody who takes it.
    static func isConnectTimeout(_ error: any Error) -> Bool { error as? HTTPClientError == .connectTimeout }

    static func words<C: Clock>(
        forNoConnection finding: NameProbe<C>.Finding, at place: Place
    ) -> String where C.Instant == BootInstant {
        switch finding {
        case .resolved: words(for: HTTPClientError.connectTimeout, at: place)
        case .failed(let code): words(forLookup: code, of: place.nameToResolve ?? place.host)
        case .unanswered: words(forLookup: EAI_AGAIN, of: place.nameToResolve ?? place.host)
        }
    }

    /// Words for what getaddrinfo(3) returned.
    static func words(forLookup code: CInt, of name: String) -> String {
        let reason =
            switch code {
            case EAI_NONAME: ": there is no such name"
            // Also when it refuses, or is not there.
            case EAI_AGAIN, EAI_FAIL: ": no name server gives an answer"
            default: ""
            }
        return "the name \(name) could not be resolved\(reason)"
    }

    static func words(for error: any Error, at place: Place) -> String {
        switch error {
        case let error as HTTPClientError: words(for: error, at: place)
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first {
                words(for: first.error, at: place)
            } else {
                words(
                    forLookup: (error.dnsAError as? SocketAddressError.UnknownHost).map { CInt($0.errorCode) } ?? 0,
                    of: error.host)
            }
        case let error as IOError: through(place) + (words(forErrno: error.errnoCode) ?? "\(error)")
        case let error as NIOSSLError: words(for: error)
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            "TLS: the server's certificate is for another name than \(place.host): use a name that it holds in --endpoint"
        case let error as BoringSSLError: words(forTLS: "\(error)")
        case let error as NIOSSLExtraError: "TLS: \(error.description)"
        case is HTTPParserError where place.isPlainText:
            "the answer is no HTTP: if the server speaks TLS, --endpoint must begin with https://"
        case is CancellationError: "the request was given up"
        case let error as any CustomStringConvertible: error.description
        default: "\(type(of: error))"
        }
    }

    private static func words(for error: NIOSSLError) -> String {
        let plain = "if the server speaks plain http, --endpoint must begin with http://"
        switch error {
        case .handshakeFailed(.sslError(let stack)):
            let text = "\(stack)"
            if ["WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST"].contains(where: text.contains) {
                return "TLS: the server does not answer in TLS: \(plain)"
            }
            if text.contains("EOF during handshake") { return "TLS: the server broke the handshake off: \(plain)" }
            return words(forTLS: text)
        case .uncleanShutdown, .handshakeFailed:
            return "TLS: the server broke the handshake off: \(plain)"
        default: return "TLS: \(error)"
        }
    }

    /// What the other side had against it, from the library's list of errors.
    private static func words(forTLS text: String) -> String {
        if text.contains("CERTIFICATE_REQUIRED") || text.contains("BAD_CERTIFICATE") {
            return "TLS: the server asks for a certificate of its clients, and the runner has none: "
                + "use an address of the server that takes the key alone"
        }
        return "TLS: no handshake: \(PeerWords.line(text))"
    }

    private static func words(for error: HTTPClientError, at place: Place) -> String {
        switch error {
        case .connectTimeout: through(place) + "no connection within 10 s"
        case .readTimeout, .deadlineExceeded: "no answer in time"
        case .remoteConnectionClosed where place.isPlainText:
            "the server closed the connection without an answer; if it speaks TLS, --endpoint must begin with https://"
        case .remoteConnectionClosed: "the server closed the connection without an answer"
        case .cancelled: "the request was given up"
        case .tlsHandshakeTimeout: "TLS: no handshake in time"
        case .proxyAuthenticationRequired:
            "the proxy \(place.proxy.map { "\($0)" } ?? "") wants a user and a password: http://USER:PASSWORD@HOST:PORT"
        case .invalidProxyResponse:
            "the proxy \(place.proxy.map { "\($0)" } ?? "") made no tunnel to \(place.host):\(place.port)"
        case .httpProxyHandshakeTimeout: through(place) + "no answer in time"
        default: error.shortDescription
        }
    }

    /// Says whose fault it is when a proxy stands between.
    private static func through(_ place: Place) -> String {
        place.proxy.map { "the proxy \($0): " } ?? ""
    }

    private static func words(forErrno code: CInt) -> String? {
        switch code {
        case ECONNREFUSED: "connection refused: nothing listens there"
        case ECONNRESET: "the server reset the connection"
        case EHOSTUNREACH: "no route to the host"
        case ENETUNREACH: "no route to the network"
        case EMFILE, ENFILE: "no file descriptor is left"
        default: nil
        }
    }
}

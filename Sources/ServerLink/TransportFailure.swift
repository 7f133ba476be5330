import AsyncHTTPClient
import NIOCore
import NIOPosix
import NIOSSL

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Words for a person from what the HTTP and TLS libraries throw.
enum TransportFailure {
    static func words(for error: any Error) -> String {
        switch error {
        case let error as HTTPClientError: words(for: error)
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first {
                words(for: first.error)
            } else {
                "the name \(error.host) could not be resolved"
            }
        case let error as IOError: words(forErrno: error.errnoCode) ?? "\(error)"
        case let error as NIOSSLError: "TLS: \(error)"
        case let error as NIOSSLExtraError: "TLS: \(error.description)"
        case is CancellationError: "the request was given up"
        case let error as any CustomStringConvertible: error.description
        default: "\(type(of: error))"
        }
    }

    private static func words(for error: HTTPClientError) -> String {
        switch error {
        case .connectTimeout: "no connection within 10 s"
        case .readTimeout, .deadlineExceeded: "no answer in time"
        case .remoteConnectionClosed: "the server closed the connection without an answer"
        case .cancelled: "the request was given up"
        case .tlsHandshakeTimeout: "TLS: no handshake in time"
        default: error.shortDescription
        }
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

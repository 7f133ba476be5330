import AsyncHTTPClient

/// An HTTP proxy that is asked for a tunnel to the server (CONNECT, RFC 9110, 9.3.6).
package struct ProxyServer: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    package var host: String
    package var port: Int
    private let credentials: Credentials?

    private struct Credentials: Sendable, Hashable {
        var user: String
        var password: String
    }

    /// - Parameter user: with the password, for Basic authorization; nil for none.
    package init(host: String, port: Int, user: String? = nil, password: String = "") {
        self.host = host
        self.port = port
        credentials = user.map { Credentials(user: $0, password: password) }
    }

    package var hasCredentials: Bool { credentials != nil }

    /// Without the credentials, as everything that is shown of it.
    package var description: String { "\(host):\(port)" }
    package var customMirror: Mirror { Mirror(self, children: ["address": description]) }

    var setting: HTTPClient.Configuration.Proxy {
        let authorization = credentials.map {
            HTTPClient.Authorization.basic(username: $0.user, password: $0.password)
        }
        return .server(host: host, port: port, authorization: authorization)
    }
}

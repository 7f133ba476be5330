/// The way to the server: one request, one reply. The key and the runner's id are the transport's own business.
package protocol ServerTransport: Sendable {
    /// Sends a request and returns what came of it, at the latest after its time limit.
    ///
    /// An implementation must not follow redirects, must verify the server it talks to, and must not throw for anything
    /// that a server or a network does. Cancellation ends the request.
    func send(_ request: ServerRequest) async -> ServerReply
}

/// One request below the endpoint.
package struct ServerRequest: Sendable, Hashable {
    package enum Method: String, Sendable, Hashable {
        case get = "GET"
        case post = "POST"
    }

    package var method: Method
    /// Path and query, from `/api/v1` on.
    package var path: String
    /// JSON; nil for none.
    package var body: [UInt8]?
    /// From the call to the last byte of the answer.
    package var timeLimit: Duration

    package init(_ method: Method, _ path: String, body: [UInt8]? = nil, timeLimit: Duration = .seconds(20)) {
        self.method = method
        self.path = path
        self.body = body
        self.timeLimit = timeLimit
    }
}

/// What came of a request.
package enum ServerReply: Sendable, Hashable {
    /// The server answered; `body` is nil when it was longer than 1 MiB or broke off.
    case answer(status: Int, retryAfter: Duration?, body: [UInt8]?)
    /// It could not be asked, for this reason.
    case unreachable(String)
}

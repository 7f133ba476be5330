import FoundationEssentials

extension StubServer {
    /// What goes back for one request, well-behaved or not.
    package struct Answer: Sendable {
        enum Kind: Sendable {
            case reply(Reply)
            case drip(Reply, chunk: Int, every: Duration)
            case raw([UInt8])
            case close
            case hang
            case halfClose
            case late(Duration)
            case cut(after: Int)
        }

        struct Reply: Sendable {
            var status: Int
            var headers: [(name: String, value: String)]
            var body: [UInt8]
            /// What `Content-Length` claims, when that is not the truth.
            var claimedLength: Int?
        }

        var kind: Kind
        /// Whether the request counts although this goes back instead of the true answer.
        var takesEffect = false

        /// The same bytes, sent after the stub took the request in: an answer that got lost, a result that was stored.
        ///
        /// Without it, a scripted answer stands in the way and the request changes nothing.
        package var afterEffect: Answer {
            var copy = self
            copy.takesEffect = true
            return copy
        }
    }
}

extension StubServer.Answer: CustomStringConvertible {
    /// Short enough for the name of a test's case.
    package var description: String {
        let what =
            switch kind {
            case .reply(let reply), .drip(let reply, _, _):
                "\(reply.status) \(String(decoding: reply.body.prefix(40), as: UTF8.self)), \(reply.body.count) bytes"
            case .raw(let bytes): "\(bytes.count) raw bytes"
            case .close: "close"
            case .hang: "hang"
            case .halfClose: "half a close"
            case .late(let delay): "\(delay) late"
            case .cut(let count): "cut after \(count) bytes"
            }
        return takesEffect ? what + ", after taking effect" : what
    }
}

// MARK: Answers by name

extension StubServer.Answer {
    /// Answers with a status, headers and a body of any kind.
    package static func reply(
        _ status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = [], type: String? = nil
    ) -> Self {
        let type = type.map { [(name: "Content-Type", value: $0)] } ?? []
        return Self(kind: .reply(Reply(status: status, headers: type + headers, body: body)))
    }

    /// Answers with text that is called JSON, whether or not it is.
    package static func json(_ text: String, status: Int = 200) -> Self {
        .reply(status, body: Array(text.utf8), type: "application/json")
    }

    /// Answers with a refusal as the protocol words it.
    package static func refusal(_ status: Int, _ detail: String = "scripted", retryAfter: Int? = nil) -> Self {
        let retry = retryAfter.map { [(name: "Retry-After", value: "\($0)")] } ?? []
        let body = StubServer.encoded(["detail": detail])
        return .reply(status, headers: retry, body: body, type: "application/json")
    }

    /// Answers as a proxy's error page does.
    package static func html(_ status: Int = 200) -> Self {
        .reply(status, body: Array("<html><body><h1>It works</h1></body></html>".utf8), type: "text/html")
    }

    /// Sends the client elsewhere.
    package static func redirect(to location: String, status: Int = 307) -> Self {
        .reply(status, headers: [(name: "Location", value: location)])
    }

    /// Answers 200 with that many bytes of JSON whitespace before an empty object.
    package static func huge(bytes: Int = 10 * 1024 * 1024) -> Self {
        let padding = [UInt8](repeating: UInt8(ascii: " "), count: max(bytes - 2, 0))
        return .reply(200, body: padding + Array("{}".utf8), type: "application/json")
    }

    /// Sends `body`, claims `missing` bytes more, and closes.
    package static func truncated(_ body: String = #"{"ok": tr"#, missing: Int = 100) -> Self {
        let bytes = Array(body.utf8)
        let type = [(name: "Content-Type", value: "application/json")]
        return Self(
            kind: .reply(Reply(status: 200, headers: type, body: bytes, claimedLength: bytes.count + missing)))
    }

    /// Answers JSON text a few bytes at a time.
    package static func drip(_ text: String, chunk: Int = 1, every pause: Duration) -> Self {
        let type = [(name: "Content-Type", value: "application/json")]
        let reply = Reply(status: 200, headers: type, body: Array(text.utf8))
        return Self(kind: .drip(reply, chunk: max(chunk, 1), every: pause))
    }

    /// Sends these bytes as they are and closes.
    package static func raw(_ bytes: [UInt8]) -> Self { Self(kind: .raw(bytes)) }

    /// Closes the connection without a byte.
    package static let close = Self(kind: .close)

    /// Never answers; the connection stays open until the client or the scope ends it.
    package static let hang = Self(kind: .hang)

    /// Sends nothing but the end of what it has to say (shutdown(2)), and goes on reading.
    package static let halfClose = Self(kind: .halfClose)

    /// Gives the answer of the server behind that much later.
    package static func late(by delay: Duration) -> Self { Self(kind: .late(delay), takesEffect: true) }

    /// Gives that many bytes of the answer of the server behind, and closes.
    package static func cut(after count: Int) -> Self { Self(kind: .cut(after: count), takesEffect: true) }
}

extension StubServer {
    /// Encodes a wire value.
    static func encoded(_ value: some Encodable) -> [UInt8] {
        do {
            return try Array(JSONEncoder().encode(value))
        } catch {
            preconditionFailure("a wire value of the stub does not encode: \(error)")
        }
    }
}

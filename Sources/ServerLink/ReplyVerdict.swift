import WireProtocol

/// What a reply to a heartbeat or a result means for what was sent (protocol, "What a client does with a refusal").
package enum ReplyVerdict: Sendable, Hashable {
    /// Taken. The body is a JSON object.
    case taken([UInt8])
    /// Not taken as it is, and never will be: set aside, or halved when it was many.
    case refused(String)
    /// Nobody there knows the path. Said by the server if it is a 404 with the server's own error object; anything else may
    /// come from something in between.
    case unknownPath(String, saidByServer: Bool = false)
    /// Not now: kept and tried again, no sooner than this if the server said so.
    case later(String, after: Duration?)
    /// The key is not accepted: kept and tried again once a minute.
    case unauthorized(String)

    package init(_ reply: ServerReply) {
        switch reply {
        case .unreachable(let reason):
            self = .later(reason, after: nil)
        case .answer(let status, let retryAfter, let body):
            switch status {
            case 200..<300:
                if let body, body.isJSONObject {
                    self = .taken(body)
                } else {
                    self = .later(
                        "HTTP \(status) without a JSON object in the answer: is this a ClevAgent server?",
                        after: retryAfter)
                }
            case 400, 413, 422: self = .refused(Self.words(status, body))
            case 401: self = .unauthorized(Self.words(status, body))
            case 403:
                let words = Self.words(status, body)
                self = words.contains("Agent not registered") ? .refused(words) : .unauthorized(words)
            case 404, 405:
                let saidByServer = status == 404 && body.flatMap(Self.error(in:)) != nil
                self = .unknownPath(Self.words(status, body), saidByServer: saidByServer)
            case 300..<400:
                self = .later(
                    "HTTP \(status): a redirect, which is never followed with the key; set --endpoint to where the server is",
                    after: retryAfter)
            default: self = .later(Self.words(status, body), after: retryAfter)
            }
        }
    }

    /// What to do when the server does not take the key.
    package static let keyAdvice =
        "give the key of this server: `clevagent-server key create NAME --scope ingest` makes one"

    /// `HTTP 422: agent: too long`: the server's own words, short and in one line.
    private static func words(_ status: Int, _ body: [UInt8]?) -> String {
        guard let error = body.flatMap(Self.error(in:)) else { return "HTTP \(status)" }
        let detail = error.errors?.first.map { "\($0.field): \($0.message)" } ?? error.detail
        return "HTTP \(status): \(PeerWords.line(detail))"
    }

    private static func error(in body: [UInt8]) -> LenientError? {
        WireJSON.decode(LenientError.self, from: body)
    }
}

/// `APIError`, of which only the text must be there.
private struct LenientError: Decodable {
    var detail: String
    var errors: [APIError.Field]?

    private enum CodingKeys: CodingKey {
        case detail, errors
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        detail = try container.decode(String.self, forKey: .detail)
        errors = try? container.decode([APIError.Field].self, forKey: .errors)
    }
}

extension [UInt8] {
    /// Whether the first thing in it opens a JSON object, and it can be read.
    fileprivate var isJSONObject: Bool {
        let first = first {
            ![UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t")].contains($0)
        }
        guard first == UInt8(ascii: "{") else { return false }
        return WireJSON.decode(AnyObject.self, from: self) != nil
    }

    /// An object whose members do not matter.
    private struct AnyObject: Decodable {}
}

import FoundationEssentials
import HTTPTypes
import HummingbirdCore
import NIOCore

/// A whole answer: a status and JSON.
struct ControlAnswer: Sendable {
    var status: HTTPResponse.Status
    var body: [UInt8]

    init(_ status: HTTPResponse.Status, _ value: some Encodable) {
        self.status = status
        body = ControlJSON.line(value)
    }

    /// What is wrong, in a word for programs and a line for people.
    static func error(_ status: HTTPResponse.Status, _ code: String, _ message: String) -> ControlAnswer {
        ControlAnswer(status, ControlFailure(error: code, message: message))
    }

    @concurrent
    func write(to writer: consuming ResponseWriter) async throws {
        let head = HTTPResponse(
            status: status,
            headerFields: [.contentType: ControlJSON.mediaType, .contentLength: "\(body.count)"])
        var out = try await writer.writeHead(head)
        try await out.write(ByteBuffer(bytes: body))
        try await out.finish(nil)
    }
}

/// What an answer that is no success says.
struct ControlFailure: Sendable, Hashable, Codable {
    var error: String
    var message: String
    /// What is wrong with a settings file, a line each.
    var problems: [String]?
}

/// JSON, a line a value.
enum ControlJSON {
    static let mediaType = "application/json"
    /// Of answers that go on: a line a value (https://github.com/ndjson/ndjson-spec).
    static let streamType = "application/x-ndjson"

    static func line(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Texts and finite numbers always can be encoded.
        let data = (try? encoder.encode(value)) ?? Data("{}".utf8)
        return [UInt8](data) + [UInt8(ascii: "\n")]
    }
}

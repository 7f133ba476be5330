import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import ServerDomain
import WireProtocol

/// Reads and writes JSON bodies.
enum JSONBody {
    /// Reads a request's body as one value.
    ///
    /// - Throws: `APIRefusal` with 413, 415 or 422.
    static func read<Value: Decodable>(_ type: Value.Type, from request: Request) async throws -> Value {
        let bytes = try await collect(request)
        guard !bytes.isEmpty else { throw APIRefusal(invalid: "body", "is empty, must be a JSON object") }
        do {
            return try JSONDecoder().decode(type, from: bytes)
        } catch DecodingError.dataCorrupted {
            throw APIRefusal(invalid: "body", "is not valid JSON in UTF-8")
        } catch {
            throw APIRefusal(invalid: "body", "must be a JSON object")
        }
    }

    /// Makes a response out of one value.
    static func response(
        _ value: some Encodable, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let bytes = try encoder.encode(value)
        var fields = headers
        fields[.contentType] = "application/json; charset=utf-8"
        fields[.contentLength] = "\(bytes.count)"
        return Response(status: status, headers: fields, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    private static func collect(_ request: Request) async throws -> Data {
        if let encoding = request.headers[.contentEncoding], encoding.lowercased() != "identity" {
            throw APIRefusal(.unsupportedMediaType, "Content-Encoding \(encoding.keeping(40)) is not supported")
        }
        let limit = WireLimits.bodyBytes
        let tooLarge = APIRefusal(.contentTooLarge, "The body is larger than \(limit) bytes")
        if let length = request.headers[.contentLength].flatMap(Int.init), length > limit { throw tooLarge }
        do {
            let buffer = try await request.body.collect(upTo: limit)
            return Data(buffer.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw tooLarge
        }
    }
}

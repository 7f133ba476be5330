import FoundationEssentials
import Gzip
import HTTPTypes
import Hummingbird
import NIOCore
import ServerDomain
import WireProtocol

/// Reads and writes JSON bodies.
enum JSONBody {
    /// Reads a request's body as one value.
    ///
    /// - Throws: `APIRefusal` with 400, 413, 415 or 422.
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

    /// The whole body, unpacked; neither what came nor what is in it may be larger than the limit.
    private static func collect(_ request: Request) async throws -> Data {
        let isPacked = try isGzip(request)
        let limit = WireLimits.bodyBytes
        let tooLarge = APIRefusal(.contentTooLarge, "The body is larger than \(limit) bytes")
        if let length = request.headers[.contentLength].flatMap(Int.init), length > limit { throw tooLarge }
        do {
            let buffer = try await request.body.collect(upTo: limit)
            guard isPacked else { return Data(buffer.readableBytesView) }
            return Data(try Gzip.unpack([UInt8](buffer: buffer), upTo: limit))
        } catch is NIOTooManyBytesError {
            throw tooLarge
        } catch GzipError.tooLong {
            throw APIRefusal(.contentTooLarge, "The body is larger than \(limit) bytes after gunzip")
        } catch GzipError.broken {
            throw APIRefusal(.badRequest, "The body is not gzip, is cut off, or is damaged")
        }
    }

    private static func isGzip(_ request: Request) throws -> Bool {
        guard let encoding = request.headers[.contentEncoding] else { return false }
        switch encoding.lowercased() {
        case "identity": return false
        // The older name is the same coding (RFC 9110, 8.4.1.3).
        case "gzip", "x-gzip": return true
        default:
            throw APIRefusal(
                .unsupportedMediaType, "Content-Encoding \(encoding.keeping(40)) is not supported, gzip is",
                headers: [.acceptEncoding: "gzip"])
        }
    }
}

import Gzip
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import ServerDomain
import Testing
import WireProtocol

/// Request bodies as gzip, through a real socket.
@Suite struct PackedBodyRouteTests {
    @Test func `Runners are told with every answer, other clients never`() async throws {
        let server = try await TestServer()
        try await server.app.test(.live) { client in
            let body = #"{"heartbeats": [{"agent": "a"}]}"#
            for (method, path, key, status) in [
                (HTTPRequest.Method.post, "/heartbeat/batch", server.key, HTTPResponse.Status.ok),
                (.get, "/commands", server.key, .ok), (.get, "/status", nil, .unauthorized),
                (.get, "/nothing", server.key, .notFound), (.delete, "/heartbeat", server.key, .methodNotAllowed),
            ] {
                let body = method == .post ? body : nil
                let told = try await client.api(method, path, key: key, runner: "r1", body: body)
                #expect(told.status == status)
                #expect(told.headers[.acceptEncoding] == "gzip")
                let other = try await client.api(method, path, key: key, body: body)
                #expect(other.headers[.acceptEncoding] == nil)
            }
        }
    }

    @Test(arguments: ["gzip", "x-gzip", "GZIP"]) func `A packed batch is taken`(encoding: String) async throws {
        let server = try await TestServer()
        try await server.app.test(.live) { client in
            let packed = try pack(#"{"heartbeats": [{"agent": "a"}, {"agent": "b"}]}"#)
            let answer = try await client.send(packed, encoding, to: server)
            #expect(answer.status == .ok)
            #expect(answer.json?["accepted"] == .integer(2))
            let plain = try await client.send(Array(#"{"heartbeats": [{"agent": "a"}]}"#.utf8), "identity", to: server)
            #expect(plain.status == .ok)
        }
    }

    @Test func `A body may be as large as the limit after gunzip, not larger`() async throws {
        let server = try await TestServer()
        try await server.app.test(.live) { client in
            let batch = #"{"heartbeats": [{"agent": "a"}]}"#
            let padding = String(repeating: " ", count: WireLimits.bodyBytes - batch.utf8.count)
            let largest = try await client.send(try pack(batch + padding), "gzip", to: server)
            #expect(largest.status == .ok)
            let larger = try await client.send(try pack(batch + padding + " "), "gzip", to: server)
            #expect(larger.status == .contentTooLarge)
            #expect(larger.json?["detail"]?.string == "The body is larger than 1048576 bytes after gunzip")
            // What comes in is limited, too, whatever would be in it.
            let noise = [UInt8](repeating: 7, count: WireLimits.bodyBytes + 1)
            let packed = try await client.send(noise, "gzip", to: server)
            #expect(packed.status == .contentTooLarge)
            #expect(packed.json?["detail"]?.string == "The body is larger than 1048576 bytes")
        }
    }

    @Test func `A gibibyte of zeros in a mebibyte is refused and the server goes on`() async throws {
        let server = try await TestServer()
        try await server.app.test(.live) { client in
            let member = try #require(Gzip.pack([UInt8](repeating: 0, count: 16 << 20)))
            let bomb = Array(repeatElement(member, count: 64).joined())
            #expect(bomb.count <= WireLimits.bodyBytes)
            let refused = try await client.send(bomb, "gzip", to: server)
            #expect(refused.status == .contentTooLarge)
            let taken = try await client.send(try pack(#"{"heartbeats": [{"agent": "a"}]}"#), "gzip", to: server)
            #expect(taken.status == .ok)
        }
    }

    @Test func `Broken gzip is 400`() async throws {
        let server = try await TestServer()
        try await server.app.test(.live) { client in
            let packed = try pack(#"{"heartbeats": [{"agent": "a"}]}"#)
            for bytes in [Array(packed.dropLast()), Array(packed.prefix(12)), [], Array("{}".utf8), packed + [1]] {
                let answer = try await client.send(bytes, "gzip", to: server)
                #expect(answer.status == .badRequest)
                #expect(answer.json?["detail"]?.string == "The body is not gzip, is cut off, or is damaged")
            }
        }
    }

    @Test func `What is no JSON after gunzip is 422 like any other`() async throws {
        let server = try await TestServer()
        try await server.app.test(.live) { client in
            for text in ["", "no JSON"] {
                let answer = try await client.send(try pack(text), "gzip", to: server)
                #expect(answer.status == .unprocessableContent)
            }
        }
    }

    @Test(arguments: ["deflate", "br", "zstd", "gzip, gzip", "compress", ""])
    func `Another encoding is 415 and says which one there is`(encoding: String) async throws {
        let server = try await TestServer()
        try await server.app.test(.live) { client in
            let answer = try await client.send(try pack("{}"), encoding, to: server)
            #expect(answer.status == .unsupportedMediaType)
            #expect(answer.headers[.acceptEncoding] == "gzip")
            #expect(answer.json?["detail"]?.string == "Content-Encoding \(encoding) is not supported, gzip is")
        }
    }

    @Test func `Nothing is unpacked for a stranger`() async throws {
        let server = try await TestServer()
        try await server.app.test(.live) { client in
            let headers: HTTPFields = [.contentEncoding: "gzip"]
            let answer = try await client.execute(
                uri: WirePath.batch, method: .post, headers: headers, body: ByteBuffer(string: "no gzip"))
            #expect(answer.status == .unauthorized)
        }
    }

    private func pack(_ text: String) throws -> [UInt8] {
        try #require(Gzip.pack(Array(text.utf8)))
    }
}

extension TestClientProtocol {
    /// Sends a batch with that `Content-Encoding`, as a client that is no runner.
    fileprivate func send(_ body: [UInt8], _ encoding: String, to server: TestServer) async throws -> TestResponse {
        let key = try #require(HTTPField.Name(WireHeader.apiKey))
        return try await execute(
            uri: WirePath.batch, method: .post, headers: [key: server.key.text, .contentEncoding: encoding],
            body: ByteBuffer(bytes: body))
    }
}

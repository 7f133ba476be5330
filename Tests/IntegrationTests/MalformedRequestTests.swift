import FoundationEssentials
import Glibc
import NIOCore
import NIOPosix
import TestSupport
import Testing
import WireProtocol

/// What never reaches a route is refused in the same words as everything else.
@Suite(.timeLimit(.minutes(1))) struct MalformedRequestTests {
    @Test func everyRefusalHasTheOneShape() async throws {
        try await withAgentDirectory { directory in
            try await BuiltServer.run(in: directory.path + "/state") { server in
                let host = "Host: localhost\r\n"
                let post = "POST /api/v1/heartbeat HTTP/1.1\r\n\(host)X-API-Key: \(server.key)\r\n"
                let requests: [(text: String, status: String)] = [
                    ("banana\r\n\r\n", "400"), ("GET / HTTP/9.9\r\n\(host)\r\n", "400"),
                    ("GET /api/v1/status HTTP/1.1\r\n\(host)Bad Header: 1\r\n\r\n", "400"),
                    ("GET /\(String(repeating: "a", count: 100_000)) HTTP/1.1\r\n\(host)\r\n", "400"),
                    ("\(post)Content-Length: x\r\n\r\n", "400"),
                    ("\(post)Transfer-Encoding: chunked\r\n\r\nzz\r\n", "400"),
                    ("\(post)Content-Length: 99999999\r\nConnection: close\r\n\r\n", "413"),
                    ("GET /api/v1/nothing HTTP/1.1\r\n\(host)Connection: close\r\n\r\n", "404"),
                    ("DELETE /api/v1/status HTTP/1.1\r\n\(host)Connection: close\r\n\r\n", "405"),
                ]
                for (text, status) in requests {
                    let answer = try await exchange(text, with: server)
                    #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(text.prefix(60)): \(answer)")
                    #expect(answer.contains("Content-Type: application/json; charset=utf-8\r\n"))
                    let body = answer.split(separator: "\r\n\r\n", maxSplits: 1).dropFirst().first ?? ""
                    let error = try? JSONDecoder().decode(APIError.self, from: Data(body.utf8))
                    #expect(error?.detail.isEmpty == false, "\(text.prefix(60)): \(body)")
                }
            }
        }
    }

    /// Sends bytes on a connection of their own, and reads until the server closes it.
    private func exchange(_ text: String, with server: BuiltServer) async throws -> String {
        let port = try #require(server.url.split(separator: ":").last.flatMap { Int($0) })
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: text))
            var answer = ""
            do {
                for try await bytes in inbound { answer += String(buffer: bytes) }
            } catch let error as IOError {
                // It closed while there were bytes that it had not read.
                guard error.errnoCode == ECONNRESET else { throw error }
            }
            return answer
        }
    }
}

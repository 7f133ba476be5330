import AsyncHTTPClient
import FoundationEssentials
package import NIOCore
import NIOHTTP1
import RunnerKit
package import SystemPackage

/// Asks a runner of this host over its control socket.
package struct ControlClient: Sendable {
    /// What came back that is no success.
    package struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
        package var status: Int
        package var description: String
    }

    /// Nobody answers on the socket.
    package struct Unreachable: Error, Sendable, Hashable, CustomStringConvertible {
        package var description: String

        package init(description: String) {
            self.description = description
        }
    }

    /// What a runner says at most.
    private static let longestAnswer = 16 << 20
    private static let connectTime = TimeAmount.seconds(5)

    private let path: FilePath
    private let client: HTTPClient

    package init(_ path: FilePath, group: any EventLoopGroup) {
        self.path = path
        var settings = HTTPClient.Configuration()
        settings.redirectConfiguration = .disallow
        settings.timeout.connect = Self.connectTime
        settings.httpVersion = .http1Only
        settings.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: settings)
    }

    /// Closes the connection.
    package func close() async { try? await client.shutdown() }

    /// The answer to one request, as JSON.
    ///
    /// - Throws: ``Unreachable`` or ``Refusal``, in words for people.
    package func ask(_ route: String, posting body: [UInt8]? = nil) async throws -> [UInt8] {
        let answer = try await send(route, body)
        do {
            return [UInt8](buffer: try await answer.body.collect(upTo: Self.longestAnswer))
        } catch {
            throw Unreachable(description: "the runner ended before it had answered")
        }
    }

    /// The values of an answer that goes on, as JSON, each when it comes; returns when the runner ends.
    package func follow(_ route: String, _ take: ([UInt8]) throws -> Void) async throws {
        let answer = try await send(route, nil)
        var line: [UInt8] = []
        do {
            for try await part in answer.body {
                for byte in part.readableBytesView {
                    guard byte == UInt8(ascii: "\n") else {
                        line.append(byte)
                        continue
                    }
                    try take(line)
                    line = []
                }
            }
        } catch is HTTPClientError {
            return
        }
    }

    private func send(_ route: String, _ body: [UInt8]?) async throws -> HTTPClientResponse {
        let answer: HTTPClientResponse
        do {
            guard let url = URL(httpURLWithSocketPath: path.string, uri: route) else {
                throw Unreachable(description: "'\(path)' is no path of a socket")
            }
            var request = HTTPClientRequest(url: url.absoluteString)
            if let body {
                request.method = .POST
                request.headers.add(name: "Content-Type", value: ControlJSON.mediaType)
                request.body = .bytes(ByteBuffer(bytes: body))
            }
            answer = try await client.execute(request, deadline: .distantFuture)
        } catch let error as Unreachable {
            throw error
        } catch let error as IOError {
            throw Unreachable(description: Self.words(error.errnoCode, path))
        } catch {
            throw Unreachable(description: "no answer on \(path): \(error)")
        }
        guard (200..<300).contains(Int(answer.status.code)) else {
            let body = (try? await answer.body.collect(upTo: Self.longestAnswer)).map { [UInt8](buffer: $0) } ?? []
            throw Refusal(status: Int(answer.status.code), description: Self.words(body))
        }
        return answer
    }

    private static func words(_ number: Int32, _ path: FilePath) -> String {
        switch Errno(rawValue: number) {
        case .noSuchFileOrDirectory, .connectionRefused:
            "no runner listens on \(path): start one, or say --control-socket as it was started with"
        case .permissionDenied:
            "you may not use \(path): root may, and members of the group that the socket belongs to"
        case let other: "no answer on \(path): \(other)"
        }
    }

    private static func words(_ body: [UInt8]) -> String {
        if let failure = try? JSONDecoder().decode(ControlFailure.self, from: Data(body)) {
            return ([failure.message] + (failure.problems ?? [])).joined(separator: "\n")
        }
        if let outcome = try? JSONDecoder().decode(ControlOutcome.self, from: Data(body)) {
            return outcome.message ?? outcome.status
        }
        return "an answer that is none of a runner's"
    }
}

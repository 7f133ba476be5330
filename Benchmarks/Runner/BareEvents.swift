import FoundationEssentials
import NIOConcurrencyHelpers
import TestSupport

/// What `docker events --format '{{json .}}'` prints, each line with the moment in which it was there.
final class BareEvents: Sendable {
    /// One event that is to come.
    struct Expected: Sendable {
        fileprivate let stream: AsyncStream<ContinuousClock.Instant>
        fileprivate let what: String

        /// Waits for its line.
        func arrival() async throws -> ContinuousClock.Instant {
            for await moment in stream { return moment }
            throw BenchmarkError.notReady("no event '\(what)'", log: "")
        }
    }

    private typealias Waiting = [String: AsyncStream<ContinuousClock.Instant>.Continuation]
    private let process: ChildProcess
    private let waiting = NIOLockedValueBox(Waiting())

    init(of docker: PrivateDocker) throws {
        process = try ChildProcess(
            [PrivateDocker.client, "events", "--format", "{{json .}}"], environment: docker.environment, output: .lines)
        // Not awaited: it ends with the process.
        Task { [process, waiting] in
            for await line in process.lines {
                let now = ContinuousClock.now
                guard let event = try? JSONDecoder().decode(Event.self, from: Data(line.utf8)),
                    let expected = waiting.withLockedValue({ $0.removeValue(forKey: event.key) })
                else { continue }
                expected.yield(now)
                expected.finish()
            }
            for expected in waiting.withLockedValue({ $0.values }) { expected.finish() }
        }
    }

    /// Begins to wait for the next event of that kind of that container.
    func next(_ action: String, of name: String) -> Expected {
        let (stream, continuation) = AsyncStream.makeStream(
            of: ContinuousClock.Instant.self, bufferingPolicy: .bufferingNewest(1))
        let key = Event.key(action, name)
        waiting.withLockedValue { $0[key] = continuation }
        return Expected(stream: stream, what: key)
    }

    func end() async { await process.end() }
}

private struct Event: Decodable {
    struct Source: Decodable {
        enum CodingKeys: String, CodingKey { case attributes = "Attributes" }

        var attributes: [String: String]
    }

    enum CodingKeys: String, CodingKey {
        case action = "Action"
        case source = "Actor"
    }

    var action: String
    var source: Source

    var key: String { Self.key(action, source.attributes["name"] ?? "") }

    static func key(_ action: String, _ name: String) -> String { action + " " + name }
}

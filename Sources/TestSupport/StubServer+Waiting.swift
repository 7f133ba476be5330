import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
package import WireProtocol

extension StubServer {
    /// Every request so far, in order of arrival.
    package var requests: [Request] { state.withLockedValue { $0.requests } }

    /// How many bytes of heads and bodies came in so far, as they were sent.
    package var bytesReceived: Int { state.withLockedValue { $0.bytesReceived } }

    /// Every heartbeat so far that reached the protocol, in order of arrival.
    package var heartbeats: [ReceivedHeartbeat] { state.withLockedValue { $0.heartbeats } }

    /// Every command result so far that reached the protocol, repeats included.
    package var results: [ReceivedResult] { state.withLockedValue { $0.results } }

    // MARK: Awaiting

    /// Waits for the first request that satisfies `predicate`; one that came already counts.
    ///
    /// - Parameters:
    ///   - matcher: What kind of request it must be.
    ///   - index: Only requests after this ``Request/index`` count: pass the previous one's to get the next.
    ///   - limit: After this long the wait ends with an error that lists what did come.
    ///   - predicate: Called once a request, in order.
    package func request(
        _ matcher: Matcher = .any, after index: Int = -1, within limit: Duration = .seconds(30),
        where predicate: (Request) -> Bool = { _ in true }
    ) async throws -> Request {
        try await first(
            "a request", after: index, within: limit, in: { $0.requests },
            where: { matcher.matches($0) && predicate($0) })
    }

    /// Waits for the first heartbeat that satisfies `predicate`; one that came already counts.
    ///
    /// - Parameters:
    ///   - index: Only heartbeats after this ``ReceivedHeartbeat/index`` count.
    ///   - limit: After this long the wait ends with an error that lists what did come.
    ///   - predicate: Called once a heartbeat, in order.
    package func heartbeat(
        after index: Int = -1, within limit: Duration = .seconds(30),
        where predicate: (Heartbeat) -> Bool = { _ in true }
    ) async throws -> ReceivedHeartbeat {
        try await first(
            "a heartbeat", after: index, within: limit, in: { $0.heartbeats }, where: { predicate($0.heartbeat) })
    }

    /// Waits until a result of that command reached the protocol, and returns the first.
    package func result(of id: Int64, within limit: Duration = .seconds(30)) async throws -> ReceivedResult {
        try await first(
            "a result of command \(id)", after: -1, within: limit, in: { $0.results }, where: { $0.commandID == id })
    }

    /// Waits until a long poll is being held.
    package func heldPoll(within limit: Duration = .seconds(30)) async throws {
        try await eventually("a held poll", within: limit) {
            state.withLockedValue { $0.heldPolls.isEmpty ? nil : () }
        }
    }

    /// Every request, from the first on, as it comes; ends with the stub or with the task that iterates.
    package var requestStream: RequestStream { RequestStream(stub: self) }

    /// Waits until `probe` finds something, looking whenever a request came or an answer went back.
    package func eventually<Found>(
        _ what: String, within limit: Duration = .seconds(30), _ probe: () async throws -> Found?
    ) async throws -> Found {
        for await _ in changes(within: limit) {
            if let found = try await probe() { return found }
        }
        try Task.checkCancellation()
        throw StubServerError.notSeen(what, within: limit, log: requests.suffix(40).map { "\($0.method) \($0.path)" })
    }

    // MARK: How waiting works

    /// Signals once at once and then after each change, until the stub ends or `limit` is over.
    ///
    /// At most one signal is buffered: it says "look again", so that a second one would say nothing new.
    func changes(within limit: Duration?) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLockedValue { state in
            state.observerCount += 1
            state.observers[state.observerCount] = continuation
            return state.observerCount
        }
        let deadline = limit.map { group.next().scheduleTask(in: TimeAmount($0)) { continuation.finish() } }
        continuation.onTermination = { [state] _ in
            deadline?.cancel()
            state.withLockedValue { $0.observers[id] = nil }
        }
        continuation.yield()
        return stream
    }

    private func first<Item>(
        _ what: String, after index: Int, within limit: Duration, in items: @Sendable (State) -> [Item],
        where predicate: (Item) -> Bool
    ) async throws -> Item {
        var next = index + 1
        return try await eventually(what, within: limit) {
            let all = state.withLockedValue { items($0) }
            while next < all.count {
                defer { next += 1 }
                if predicate(all[next]) { return all[next] }
            }
            return nil
        }
    }

    /// The requests of a stub server as an endless sequence; each iterator starts from the first one.
    package struct RequestStream: AsyncSequence, Sendable {
        package typealias Element = Request

        let stub: StubServer

        package func makeAsyncIterator() -> Iterator {
            Iterator(stub: stub, changes: stub.changes(within: nil).makeAsyncIterator())
        }

        package struct Iterator: AsyncIteratorProtocol {
            let stub: StubServer
            var changes: AsyncStream<Void>.AsyncIterator
            var cursor = 0

            package mutating func next() async -> Request? {
                await next(isolation: #isolation)
            }

            package mutating func next(isolation actor: isolated (any Actor)?) async -> Request? {
                while true {
                    let request = stub.state.withLockedValue { [cursor] state in
                        cursor < state.requests.count ? state.requests[cursor] : nil
                    }
                    if let request {
                        cursor += 1
                        return request
                    }
                    guard await changes.next(isolation: actor) != nil else { return nil }
                }
            }
        }
    }
}

import NIOConcurrencyHelpers

/// Wakes those who wait for a topic; a ring between listening and waiting is not lost.
package final class Doorbell: Sendable {
    private struct State {
        var next: UInt64 = 0
        var isClosed = false
        var listeners: [Topic: [UInt64: AsyncStream<Void>.Continuation]] = [:]
    }

    // Rung from commits and closed from signal handling; a lock, because a stream's end calls back synchronously.
    private let state = NIOLockedValueBox(State())

    package init() {}

    /// Starts to listen: the stream yields once for all rings since it was last asked, and ends when the bell closes.
    package func listen(to topic: Topic) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let number: UInt64? = state.withLockedValue { state in
            guard !state.isClosed else { return nil }
            state.next += 1
            state.listeners[topic, default: [:]][state.next] = continuation
            return state.next
        }
        guard let number else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in self?.forget(number, topic) }
        return stream
    }

    /// Wakes everyone who listens to one of `topics`.
    package func ring(_ topics: Set<Topic>) {
        let woken = state.withLockedValue { state in topics.flatMap { Array((state.listeners[$0] ?? [:]).values) } }
        for continuation in woken { continuation.yield() }
    }

    /// Ends every waiting, now and later: the server is going down.
    package func close() {
        let ended = state.withLockedValue { state in
            state.isClosed = true
            defer { state.listeners = [:] }
            return state.listeners.values.flatMap { Array($0.values) }
        }
        for continuation in ended { continuation.finish() }
    }

    private func forget(_ number: UInt64, _ topic: Topic) {
        state.withLockedValue { state in
            state.listeners[topic]?[number] = nil
            if state.listeners[topic]?.isEmpty == true { state.listeners[topic] = nil }
        }
    }
}

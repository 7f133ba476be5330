import NIOConcurrencyHelpers
package import Supervision

/// A clock that stands still until a test moves it.
package final class TestClock: Clock, Sendable {
    package typealias Instant = BootInstant

    private struct Sleeper {
        var deadline: BootInstant
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now: BootInstant
        var nextID = 0
        var sleepers: [Int: Sleeper] = [:]
    }

    private let state: NIOLockedValueBox<State>
    private let sleeps: AsyncStream<BootInstant>
    private let sleepsContinuation: AsyncStream<BootInstant>.Continuation

    package init(now: BootInstant = BootInstant(sinceBoot: .seconds(1000))) {
        state = NIOLockedValueBox(State(now: now))
        // Unbounded: as long as the test, which begins only so many sleeps.
        (sleeps, sleepsContinuation) = AsyncStream.makeStream()
    }

    package var now: BootInstant { state.withLockedValue { $0.now } }

    package var minimumResolution: Duration { .nanoseconds(1) }

    package func sleep(until deadline: BootInstant, tolerance: Duration?) async throws {
        let id = state.withLockedValue { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                // Looked at after the handler is in place, so that no cancellation is missed.
                let resumeNow = state.withLockedValue { state -> Bool in
                    guard !Task.isCancelled, deadline > state.now else { return true }
                    state.sleepers[id] = Sleeper(deadline: deadline, continuation: continuation)
                    return false
                }
                if !resumeNow {
                    sleepsContinuation.yield(deadline)
                } else if Task.isCancelled {
                    continuation.resume(throwing: CancellationError())
                } else {
                    continuation.resume()
                }
            }
        } onCancel: {
            let sleeper = state.withLockedValue { $0.sleepers.removeValue(forKey: id) }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Waits until somebody goes to sleep, and says until when. Each sleep is told once, in their order.
    package func nextSleep() async -> BootInstant? {
        for await deadline in sleeps { return deadline }
        return nil
    }

    /// Waits until somebody sleeps for that long from now, passing over others.
    package func sleep(lasting duration: Duration) async {
        for await deadline in sleeps where now.duration(to: deadline) == duration { return }
    }

    /// Whether somebody sleeps who is to wake that long from now.
    package func hasSleeper(lasting duration: Duration) -> Bool {
        state.withLockedValue { state in
            state.sleepers.values.contains { state.now.duration(to: $0.deadline) == duration }
        }
    }

    /// Moves the clock and wakes whose time has come, in the order of their deadlines.
    package func advance(by duration: Duration) {
        advance(to: now.advanced(by: duration))
    }

    /// Moves the clock and wakes whose time has come, in the order of their deadlines.
    package func advance(to instant: BootInstant) {
        let due = state.withLockedValue { state in
            state.now = max(state.now, instant)
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.sorted { $0.deadline < $1.deadline }
        }
        for sleeper in due { sleeper.continuation.resume() }
    }
}

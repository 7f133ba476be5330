import NIOConcurrencyHelpers
package import Supervision

extension EventLoop {
    /// Returns at that moment of the boot clock, or at once when it is past.
    ///
    /// - Throws: `CancellationError` when the task is cancelled before.
    package func sleep(until deadline: BootInstant) async throws {
        let sleeper = Sleeper()
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard sleeper.begin(continuation) else { return continuation.resume() }
                sleeper.hold(schedule(at: deadline) { sleeper.wake() })
            }
        } onCancel: {
            sleeper.cancel()
        }
        try Task.checkCancellation()
    }
}

/// One task that sleeps, and what would wake it.
private final class Sleeper: Sendable {
    private struct State {
        var continuation: CheckedContinuation<Void, Never>?
        var alarm: EventLoop.Alarm?
        var isOver = false
    }

    private let state = NIOLockedValueBox(State())

    /// - Returns: whether there is still something to sleep for.
    func begin(_ continuation: CheckedContinuation<Void, Never>) -> Bool {
        state.withLockedValue { state in
            if state.isOver { return false }
            state.continuation = continuation
            return true
        }
    }

    func hold(_ alarm: EventLoop.Alarm) {
        let isOver = state.withLockedValue { state in
            if !state.isOver { state.alarm = alarm }
            return state.isOver
        }
        if isOver { alarm.cancel() }
    }

    func wake() {
        let (continuation, _) = end()
        continuation?.resume()
    }

    func cancel() {
        let (continuation, alarm) = end()
        alarm?.cancel()
        continuation?.resume()
    }

    private func end() -> (CheckedContinuation<Void, Never>?, EventLoop.Alarm?) {
        state.withLockedValue { state in
            defer { state = State(isOver: true) }
            return (state.continuation, state.alarm)
        }
    }
}

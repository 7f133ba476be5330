import NIOConcurrencyHelpers
package import ServerDomain
package import WireProtocol

/// Both clocks of a server, moved by the test alone; sleepers wake when time reaches them.
package final class ManualClock: Sendable {
    private struct Sleeper {
        var until: Duration
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var steady: Duration = .zero
        var next: UInt64 = 0
        var sleepers: [UInt64: Sleeper] = [:]
        var cancelled: Set<UInt64> = []
        /// Who waits for a sleeper.
        var watchers: [UInt64: Sleeper] = [:]
    }

    package static let start = WireTime(millisecondsSince1970: 1_800_000_000_000)
    // Read from decisions and moved from the test; a lock, because cancellation calls back synchronously.
    private let state = NIOLockedValueBox(State())

    package init() {}

    /// What a server is given.
    package var clock: ServerClock {
        ServerClock(now: { self.now }, sleep: { try await self.sleep(until: $0) })
    }

    package var now: Moment {
        let steady = state.withLockedValue { $0.steady }
        return Moment(steady: steady, wall: Self.start.advanced(by: steady))
    }

    /// Moves time forward and wakes who waited for it.
    package func advance(by duration: Duration) {
        let woken = state.withLockedValue { state in
            state.steady += duration
            let due = state.sleepers.filter { $0.value.until <= state.steady }
            for number in due.keys { state.sleepers[number] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in woken { continuation.resume() }
    }

    /// Waits until somebody sleeps until exactly `deadline`.
    ///
    /// - Throws: `CancellationError`, so that a test's time limit ends it.
    package func sleeper(until deadline: Duration) async throws {
        let number = nextNumber()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let fate: Result<Void, any Error>? = state.withLockedValue { state in
                    if state.cancelled.remove(number) != nil { return .failure(CancellationError()) }
                    if state.sleepers.values.contains(where: { $0.until == deadline }) { return .success(()) }
                    state.watchers[number] = Sleeper(until: deadline, continuation: continuation)
                    return nil
                }
                if let fate { continuation.resume(with: fate) }
            }
        } onCancel: {
            cancel(number)
        }
    }

    private func nextNumber() -> UInt64 {
        state.withLockedValue { state in
            state.next += 1
            return state.next
        }
    }

    private func sleep(until deadline: Duration) async throws {
        let number = nextNumber()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                enter(number, Sleeper(until: deadline, continuation: continuation))
            }
        } onCancel: {
            cancel(number)
        }
    }

    private func enter(_ number: UInt64, _ sleeper: Sleeper) {
        enum Fate {
            case sleeps(told: [CheckedContinuation<Void, any Error>])
            case isOver, isCancelled
        }
        let fate: Fate = state.withLockedValue { state in
            if state.cancelled.remove(number) != nil { return .isCancelled }
            if sleeper.until <= state.steady { return .isOver }
            state.sleepers[number] = sleeper
            let watchers = state.watchers.filter { $0.value.until == sleeper.until }
            for number in watchers.keys { state.watchers[number] = nil }
            return .sleeps(told: watchers.values.map(\.continuation))
        }
        switch fate {
        case .sleeps(told: let watchers): for watcher in watchers { watcher.resume() }
        case .isOver: sleeper.continuation.resume()
        case .isCancelled: sleeper.continuation.resume(throwing: CancellationError())
        }
    }

    private func cancel(_ number: UInt64) {
        let sleeper = state.withLockedValue { state in
            let sleeper = state.sleepers.removeValue(forKey: number) ?? state.watchers.removeValue(forKey: number)
            if sleeper == nil { state.cancelled.insert(number) }
            return sleeper
        }
        sleeper?.continuation.resume(throwing: CancellationError())
    }
}

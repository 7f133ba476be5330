import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import TestSupport

/// What a runner says, line by line, to be read and waited for.
final class RunnerLog: Sendable {
    private struct Waiter {
        var words: String
        var continuation: CheckedContinuation<Bool, Never>

        func isAnswered(by lines: [String]) -> Bool { lines.contains { $0.contains(words) } }
    }

    private struct State {
        var lines: [String] = []
        var nextID = 0
        var waiters: [Int: Waiter] = [:]
        var hasEnded = false
    }

    private static let patience = TimeAmount.seconds(60)

    private let state = NIOLockedValueBox(State())

    /// Reads until the last writer is gone. Nobody awaits it: that is when the runner has ended.
    init(of runner: ChildProcess) {
        Task { [state] in
            for await line in runner.lines {
                Self.update(state) { $0.lines.append(line) }
            }
            Self.update(state) { $0.hasEnded = true }
        }
    }

    var lines: [String] { state.withLockedValue { $0.lines } }

    /// What it has against the server, or against the machine: all that is no news of a target.
    var complaints: [String] {
        lines.filter { $0.contains(" warning ") || $0.contains(" error ") }.filter { !$0.contains("event=") }
    }

    /// Returns when a line has these words; false when the runner has ended without, or has not said it in a minute.
    func says(_ words: String) async -> Bool {
        await withCheckedContinuation { continuation in
            let id = Self.update(state) { state in
                state.nextID += 1
                state.waiters[state.nextID] = Waiter(words: words, continuation: continuation)
                return state.nextID
            }
            MultiThreadedEventLoopGroup.singleton.next().scheduleTask(in: Self.patience) { [state] in
                state.withLockedValue { $0.waiters.removeValue(forKey: id) }?.continuation.resume(returning: false)
            }
        }
    }

    @discardableResult
    private static func update<Result>(
        _ state: NIOLockedValueBox<State>, _ change: (inout State) -> Result
    ) -> Result {
        let (result, done) = state.withLockedValue { state in
            let result = change(&state)
            let (lines, hasEnded) = (state.lines, state.hasEnded)
            let done = state.waiters.filter { hasEnded || $0.value.isAnswered(by: lines) }
            for id in done.keys { state.waiters[id] = nil }
            return (result, done.values.map { ($0.continuation, $0.isAnswered(by: lines)) })
        }
        for (continuation, isThere) in done { continuation.resume(returning: isThere) }
        return result
    }
}

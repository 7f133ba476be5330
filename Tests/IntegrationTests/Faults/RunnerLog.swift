import NIOConcurrencyHelpers
import TestSupport

/// What a runner says, line by line, to be read and waited for.
final class RunnerLog: Sendable {
    private struct State {
        var lines: [String] = []
        var waiters: [(isEnough: @Sendable ([String]) -> Bool, resume: CheckedContinuation<Bool, Never>)] = []
        var hasEnded = false
    }

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

    /// Returns when a line has these words; false when the runner has ended without.
    @discardableResult
    func says(_ words: String) async -> Bool {
        await withCheckedContinuation { continuation in
            Self.update(state) { $0.waiters.append(({ $0.contains { $0.contains(words) } }, continuation)) }
        }
    }

    private static func update(_ state: NIOLockedValueBox<State>, _ change: (inout State) -> Void) {
        let done = state.withLockedValue { state in
            change(&state)
            let (lines, hasEnded) = (state.lines, state.hasEnded)
            defer { state.waiters.removeAll { hasEnded || $0.isEnough(lines) } }
            return state.waiters.map { ($0.resume, $0.isEnough(lines)) }.filter { hasEnded || $0.1 }
        }
        for (continuation, isThere) in done { continuation.resume(returning: isThere) }
    }
}

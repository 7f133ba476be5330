import NIOConcurrencyHelpers
import Supervision
import WireProtocol

/// Who waits for the end of what an operator of this host asked for.
final class OrderBook: Sendable {
    private struct State {
        var last: Int64
        var waiting: [CommandKey: CheckedContinuation<CommandResult, Never>] = [:]
    }

    private let state: NIOLockedValueBox<State>

    /// - Parameter first: not smaller than any number of an earlier runner: one of its orders may be in hand still.
    init(first: Int64) {
        state = NIOLockedValueBox(State(last: first))
    }

    /// Begins something under a new key, and returns its end.
    func result(of begin: (CommandKey) -> Void) async -> CommandResult {
        await withCheckedContinuation { continuation in
            let key = state.withLockedValue { state in
                state.last += 1
                let key = CommandKey(endpoint: CommandKey.host, id: state.last)
                state.waiting[key] = continuation
                return key
            }
            begin(key)
        }
    }

    /// Takes how something ended that was asked for here or elsewhere.
    func settled(_ key: CommandKey, _ result: CommandResult) {
        state.withLockedValue { $0.waiting.removeValue(forKey: key) }?.resume(returning: result)
    }

    /// Nothing ends any more.
    func close() {
        let waiting = state.withLockedValue { state in
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for continuation in waiting { continuation.resume(returning: .interrupted) }
    }
}

import NIOConcurrencyHelpers
import ServerDomain

/// Knows which held poll of a runner is the newest.
///
/// A runner that was killed leaves its poll behind, and the network does not always say so. Only the newest poll of a
/// runner is handed commands; the one before stays held until its time is over, so that two programs that share an id
/// by mistake cannot chase each other in circles.
final class PollRegistry: Sendable {
    private struct State {
        var next: UInt64 = 0
        var newest: [Topic: UInt64] = [:]
    }

    private let state = NIOLockedValueBox(State())

    /// Opens a poll.
    ///
    /// - Parameter isExclusive: Whether it takes the place of the one before; clients without an id all get a turn.
    /// - Returns: Its ticket; nil when it is always entitled.
    func enter(_ topic: Topic, isExclusive: Bool) -> UInt64? {
        guard isExclusive else { return nil }
        return state.withLockedValue { state in
            state.next += 1
            state.newest[topic] = state.next
            return state.next
        }
    }

    func isNewest(_ topic: Topic, _ ticket: UInt64?) -> Bool {
        guard let ticket else { return true }
        return state.withLockedValue { $0.newest[topic] == ticket }
    }

    /// Closes a poll.
    func leave(_ topic: Topic, _ ticket: UInt64?) {
        guard let ticket else { return }
        state.withLockedValue { state in
            if state.newest[topic] == ticket { state.newest[topic] = nil }
        }
    }
}

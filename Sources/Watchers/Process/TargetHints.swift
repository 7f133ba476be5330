import NIOConcurrencyHelpers

/// Wakes whoever observes a target. Any number of hints is one wake-up: none is lost, none queues.
final class TargetHints: Sendable {
    /// Why to look.
    struct Reasons: OptionSet, Sendable {
        let rawValue: UInt8

        /// Something happened.
        static let changed = Reasons(rawValue: 1)
        /// A writer has closed the PID file.
        static let fileClosed = Reasons(rawValue: 2)
        /// The PID file was left unfinished long enough.
        static let fileSettled = Reasons(rawValue: 4)
        /// Read everything again.
        static let reread = Reasons(rawValue: 8)
        /// A program that was started again had its time to write its PID file.
        static let rewriteDue = Reasons(rawValue: 16)
    }

    struct Subscription: Sendable {
        var id: Int
        /// Gives one element at once, then one after each burst of hints.
        var wakeups: AsyncStream<Void>
    }

    private struct State {
        var nextID = 0
        var pending: Reasons = []
        var observers: [Int: AsyncStream<Void>.Continuation] = [:]
    }

    private let state = NIOLockedValueBox(State())

    func raise(_ reasons: Reasons) {
        state.withLockedValue { state in
            state.pending.formUnion(reasons)
            for observer in state.observers.values { observer.yield() }
        }
    }

    /// What was raised since this was last asked.
    func take() -> Reasons {
        state.withLockedValue { state in
            defer { state.pending = [] }
            return state.pending
        }
    }

    func subscribe() -> Subscription {
        // One wake-up is enough: the reasons stand beside it.
        let (wakeups, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        continuation.yield()
        return state.withLockedValue { state in
            state.nextID += 1
            state.observers[state.nextID] = continuation
            return Subscription(id: state.nextID, wakeups: wakeups)
        }
    }

    func unsubscribe(_ subscription: Subscription) {
        state.withLockedValue { state in
            state.observers.removeValue(forKey: subscription.id)?.finish()
        }
    }
}

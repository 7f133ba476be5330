import NIOConcurrencyHelpers

/// Wakes who looks at a target. Any number of hints is one wake-up: none is lost, none queues.
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
        /// Time for the slow re-read.
        static let refresh = Reasons(rawValue: 32)
        /// A program that was started again had its time to write its PID file.
        static let rewriteDue = Reasons(rawValue: 16)
    }

    /// Somebody who is woken once, and then again after each of its turns.
    struct Listener: Sendable {
        fileprivate var id: Int
    }

    private struct State {
        var nextID = 0
        var pending: Reasons = []
        var listeners: [Int: (wake: @Sendable () -> Void, isWoken: Bool)] = [:]
    }

    private let state = NIOLockedValueBox(State())

    func raise(_ reasons: Reasons) {
        let due = state.withLockedValue { state in
            state.pending.formUnion(reasons)
            let due = state.listeners.filter { !$0.value.isWoken }
            for id in due.keys { state.listeners[id]?.isWoken = true }
            return due.values.map(\.wake)
        }
        for wake in due { wake() }
    }

    /// Has `wake` called when there is a reason to look. The first look comes without.
    func listen(_ wake: @escaping @Sendable () -> Void) -> Listener {
        state.withLockedValue { state in
            state.nextID += 1
            state.listeners[state.nextID] = (wake, false)
            return Listener(id: state.nextID)
        }
    }

    func forget(_ listener: Listener) {
        _ = state.withLockedValue { $0.listeners.removeValue(forKey: listener.id) }
    }

    /// Begins a turn.
    ///
    /// - Parameter isLooking: otherwise the reasons are left for somebody else.
    /// - Returns: what was raised since it was last asked.
    func take(_ listener: Listener? = nil, isLooking: Bool = true) -> Reasons {
        state.withLockedValue { state in
            if let listener { state.listeners[listener.id]?.isWoken = false }
            guard isLooking else { return [] }
            defer { state.pending = [] }
            return state.pending
        }
    }
}

import DequeModule
import NIOConcurrencyHelpers

/// Messages for many receivers, each of which handles its own one after the other.
///
/// A receiver has a task only while it has messages: the frames of a thousand waiting tasks are tens of megabytes.
package final class Mailboxes<Receiver: Hashable & Sendable, Message: Sendable>: Sendable {
    private enum Work: Sendable {
        case empty(Receiver)
        case other(@Sendable () async -> Void)
    }

    private struct State {
        /// What has come and was not handled yet, of receivers that have a task or wait for one.
        var messages: [Receiver: [Message]] = [:]
        var tasks = 0
        /// Receivers without a task, the oldest first.
        var queue: Deque<Receiver> = []
    }

    /// A thousand receivers at once would be a thousand tasks at once, for work that has two processors and one disk.
    private let width: Int
    private let state = NIOLockedValueBox(State())
    /// Unbounded, and no longer than there are tasks and actions in hand.
    private let work = AsyncStream.makeStream(of: Work.self)

    /// - Parameter width: how many receivers handle messages at once.
    package init(width: Int = 8) {
        self.width = width
    }

    package func send(_ message: Message, to receiver: Receiver) {
        let begins = state.withLockedValue { state in
            guard state.messages[receiver] == nil else {
                state.messages[receiver]?.append(message)
                return false
            }
            state.messages[receiver] = [message]
            guard state.tasks < width else {
                state.queue.append(receiver)
                return false
            }
            state.tasks += 1
            return true
        }
        if begins { work.continuation.yield(.empty(receiver)) }
    }

    /// Runs something beside the handling of messages.
    package func perform(_ action: @escaping @Sendable () async -> Void) {
        work.continuation.yield(.other(action))
    }

    /// Handles messages until cancelled, or finished and all that was begun has ended. May be run once.
    ///
    /// - Parameter handle: must not wait for another receiver.
    package func run(_ handle: @escaping @Sendable (Receiver, Message) async -> Void) async {
        await withDiscardingTaskGroup { group in
            for await work in work.stream {
                switch work {
                case .empty(let receiver): group.addTask { await self.empty(receiver, handle) }
                case .other(let action): group.addTask { await action() }
                }
            }
        }
    }

    /// Lets `run` end.
    package func finish() {
        work.continuation.finish()
    }

    private func empty(_ first: Receiver, _ handle: @Sendable (Receiver, Message) async -> Void) async {
        var receiver = first
        while true {
            while let messages = take(receiver) {
                for message in messages { await handle(receiver, message) }
            }
            guard let next = nextReceiver() else { return }
            receiver = next
        }
    }

    /// - Returns: nil when there are none; with the next one the receiver waits for a task again.
    private func take(_ receiver: Receiver) -> [Message]? {
        state.withLockedValue { state in
            guard let messages = state.messages[receiver], !messages.isEmpty else {
                state.messages[receiver] = nil
                return nil
            }
            state.messages[receiver] = []
            return messages
        }
    }

    /// - Returns: nil when nobody waits; the task then has ended.
    private func nextReceiver() -> Receiver? {
        state.withLockedValue { state in
            if let next = state.queue.popFirst() { return next }
            state.tasks -= 1
            return nil
        }
    }
}

import NIOConcurrencyHelpers

/// Messages for many receivers, each of which handles its own one after the other.
///
/// A receiver has a task only while it has messages: the frames of a thousand waiting tasks are tens of megabytes.
package final class Mailboxes<Receiver: Hashable & Sendable, Message: Sendable>: Sendable {
    private enum Work: Sendable {
        case empty(Receiver)
        case other(@Sendable () async -> Void)
    }

    /// What has come and was not handled yet, of receivers that have a task or are about to have one.
    private let waiting = NIOLockedValueBox<[Receiver: [Message]]>([:])
    /// Unbounded, and no longer than there are receivers and actions in hand.
    private let work = AsyncStream.makeStream(of: Work.self)

    package init() {}

    package func send(_ message: Message, to receiver: Receiver) {
        let isIdle = waiting.withLockedValue { waiting in
            let isIdle = waiting[receiver] == nil
            waiting[receiver, default: []].append(message)
            return isIdle
        }
        if isIdle { work.continuation.yield(.empty(receiver)) }
    }

    /// Runs something beside the handling of messages.
    package func perform(_ action: @escaping @Sendable () async -> Void) {
        work.continuation.yield(.other(action))
    }

    /// Handles messages until cancelled, or finished and all that was begun has ended. May be run once.
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

    private func empty(_ receiver: Receiver, _ handle: @Sendable (Receiver, Message) async -> Void) async {
        while let messages = take(receiver) {
            for message in messages { await handle(receiver, message) }
        }
    }

    /// - Returns: nil when there are none; the next one then makes a new task.
    private func take(_ receiver: Receiver) -> [Message]? {
        waiting.withLockedValue { waiting in
            guard let messages = waiting[receiver], !messages.isEmpty else {
                waiting[receiver] = nil
                return nil
            }
            waiting[receiver] = []
            return messages
        }
    }
}

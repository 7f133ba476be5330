import Dispatch
import NIOConcurrencyHelpers
import RunnerKit
import Supervision

/// A file in memory, of which a test can have anything go wrong.
final class MemoryStorage: JournalStorage {
    private struct State {
        var bytes: [UInt8]?
        /// How much of it would survive a power cut.
        var synced = 0
        var failure: (any Error)?
        var setAside: [[UInt8]] = []
        var hold: DispatchSemaphore?
    }

    private let state = NIOLockedValueBox(State())

    init(_ bytes: [UInt8]? = nil) {
        state.withLockedValue { $0.bytes = bytes }
    }

    var bytes: [UInt8]? { state.withLockedValue { $0.bytes } }

    /// What is left after a power cut.
    var synced: [UInt8] { state.withLockedValue { Array(($0.bytes ?? []).prefix($0.synced)) } }

    var setAsideBytes: [[UInt8]] { state.withLockedValue { $0.setAside } }

    /// From here on, writing fails; nil mends it.
    func fail(with error: (any Error)?) {
        state.withLockedValue { $0.failure = error }
    }

    /// From here on, whoever writes waits.
    func hold() {
        state.withLockedValue { $0.hold = DispatchSemaphore(value: 0) }
    }

    func release() {
        let held = state.withLockedValue { state in
            defer { state.hold = nil }
            return state.hold
        }
        held?.signal()
    }

    private func waitForRelease() {
        let hold = state.withLockedValue { $0.hold }
        hold?.wait()
        hold?.signal()
    }

    /// What the next runner would find.
    var contents: JournalContents { JournalContents(JournalLines.read(bytes ?? [])) }

    func read() -> [UInt8]? { bytes }

    func replace(with bytes: [UInt8]) throws {
        waitForRelease()
        try state.withLockedValue { state in
            if let failure = state.failure { throw failure }
            state.bytes = bytes
            state.synced = bytes.count
        }
    }

    func append(_ bytes: [UInt8], durably: Bool) throws {
        waitForRelease()
        try state.withLockedValue { state in
            if let failure = state.failure { throw failure }
            let whole = (state.bytes ?? []) + bytes
            state.bytes = whole
            if durably { state.synced = whole.count }
        }
    }

    func setAside() -> String? {
        state.withLockedValue { state in
            state.setAside.append(state.bytes ?? [])
            return "elsewhere"
        }
    }
}

/// Runs an actor on a queue of its own.
final class QueueExecutor: SerialExecutor {
    private let queue = DispatchQueue(label: "test")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}

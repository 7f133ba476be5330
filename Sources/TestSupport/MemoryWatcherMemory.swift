import NIOConcurrencyHelpers
package import Supervision
import WatcherAPI

/// Notes of watchers, kept in memory. It survives a watcher as the disk survives a runner.
package final class MemoryWatcherMemory: WatcherMemory {
    private struct State {
        var notes: [TargetID: [UInt8]] = [:]
        var attachments: [TargetID: [UInt8]] = [:]
        var saves: [TargetID: Int] = [:]
        var failure: (any Error)?
    }

    private let state = NIOLockedValueBox(State())

    package init() {}

    package func load(_ target: TargetID) async -> [UInt8]? {
        state.withLockedValue { $0.notes[target] }
    }

    package func attachment(of target: TargetID) -> [UInt8]? {
        state.withLockedValue { $0.attachments[target] }
    }

    package func save(_ note: [UInt8], attachment: [UInt8]?, for target: TargetID) async throws {
        try state.withLockedValue { state in
            if let failure = state.failure { throw failure }
            if let attachment { state.attachments[target] = attachment }
            state.notes[target] = note
            state.saves[target, default: 0] += 1
        }
    }

    /// The note as it was last saved.
    package func note(of target: TargetID) -> [UInt8]? {
        state.withLockedValue { $0.notes[target] }
    }

    /// How often a note was saved.
    package func saveCount(of target: TargetID) -> Int {
        state.withLockedValue { $0.saves[target] ?? 0 }
    }

    /// Puts a note there as an earlier run could have left it.
    package func setNote(_ note: [UInt8]?, of target: TargetID) {
        state.withLockedValue { $0.notes[target] = note }
    }

    /// Puts an attachment there as an earlier run could have left it.
    package func setAttachment(_ attachment: [UInt8]?, of target: TargetID) {
        state.withLockedValue { $0.attachments[target] = attachment }
    }

    /// Makes every further save fail, or none.
    package func failSaves(with error: (any Error)?) {
        state.withLockedValue { $0.failure = error }
    }
}

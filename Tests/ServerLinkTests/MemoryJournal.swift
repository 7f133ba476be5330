import NIOConcurrencyHelpers
import ServerLink
import Supervision
import WireProtocol

/// A journal that a test can look at. What it was told of results goes on when the test says so.
final class MemoryJournal: CommandJournal {
    private struct State {
        var entries: [CommandLedger.Entry] = []
        var isFull = false
        var waiters: [(entry: CommandLedger.Entry, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = NIOLockedValueBox(State())

    var entries: [CommandLedger.Entry] { state.withLockedValue { $0.entries } }

    func write(_ entries: [CommandLedger.Entry]) {
        let ready = state.withLockedValue { state in
            state.entries += entries
            defer { state.waiters.removeAll { entries.contains($0.entry) } }
            return state.waiters.filter { entries.contains($0.entry) }
        }
        for waiter in ready { waiter.continuation.resume() }
    }

    /// From here on nothing gets to the disk.
    func fill() { state.withLockedValue { $0.isFull = true } }

    func commit() async -> Bool { state.withLockedValue { !$0.isFull } }

    /// Waits until that was written.
    func hasWritten(_ entry: CommandLedger.Entry) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLockedValue { state in
                if !state.entries.contains(entry) { state.waiters.append((entry, continuation)) }
                return state.entries.contains(entry)
            }
            if isThere { continuation.resume() }
        }
    }

    /// Hands on all results that were written, as once they are on the disk.
    func settle(in desk: CommandDesk) async {
        for case .resolved(let key, let result) in entries { await desk.settled(key, result) }
    }

    /// What the next runner would find.
    var ledger: CommandLedger {
        var ledger = CommandLedger()
        for entry in entries { ledger.apply(entry) }
        return ledger
    }
}

extension CommandDesk {
    /// Has a command end, as a target does.
    func resolve(_ key: CommandKey, _ result: CommandResult, _ journal: MemoryJournal) async {
        journal.write([.resolved(key, result)])
        settled(key, result)
    }
}

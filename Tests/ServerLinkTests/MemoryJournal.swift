import ServerLink
import Supervision
import Testing

/// A ledger on a disk that a test can look at, and make fail.
actor MemoryJournal: CommandJournal {
    private(set) var entries: [CommandLedger.Entry] = []
    private var failure: (any Error)?

    init(_ entries: [CommandLedger.Entry] = []) {
        self.entries = entries
    }

    func append(_ entry: CommandLedger.Entry) throws {
        if let failure { throw failure }
        entries.append(entry)
    }

    func fail(with error: (any Error)?) {
        failure = error
    }

    /// What the next runner would find.
    var ledger: CommandLedger {
        var ledger = CommandLedger()
        for entry in entries { ledger.apply(entry) }
        return ledger
    }
}

struct DiskFull: Error, CustomStringConvertible {
    var description: String { "no space left on device" }
}

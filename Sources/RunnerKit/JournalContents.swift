package import ServerLink
package import Supervision
import WireProtocol

/// All that the journal says, added up: the same entries give the same contents.
package struct JournalContents: Sendable, Hashable {
    /// The highest `seq` that may have been used; 0 at first.
    package private(set) var seq: Int64
    /// What the server has not taken yet, in order.
    package private(set) var outbox: Outbox
    package private(set) var records: [TargetID: TargetRecord] = [:]
    package private(set) var ledger = CommandLedger()

    package init(seq: Int64 = 0, outbox: Outbox = Outbox()) {
        self.seq = seq
        self.outbox = outbox
    }

    /// Numbers beyond this are not counted on from: no runner wrote them.
    private static let highestSeq = Int64.max / 2

    /// Adds up what a file says.
    ///
    /// - Parameter present: as for ``apply(_:present:)``.
    package init(_ reading: JournalLines.Reading, present: (JournaledChange) -> StateChange = \.asWritten) {
        self.init()
        for entry in reading.batches.joined() { apply(entry, present: present) }
    }

    /// Takes one entry.
    ///
    /// - Parameter present: turns a change that was read into one of this boot.
    package mutating func apply(_ entry: JournalEntry, present: (JournaledChange) -> StateChange) {
        switch entry {
        case .counted(let seq): count(seq)
        case .changed(let change):
            count(change.seq)
            outbox.append(present(change))
        case .delivered(let seqs): outbox.remove(seqs: Set(seqs))
        case .record(let record, let target): records[target] = record
        case .forgotten(let target): records[target] = nil
        case .command(let entry): ledger.apply(entry)
        }
    }

    /// Forgets what another runner has in hand, of whose journal this is a copy: its commands, and what its targets were at.
    /// What it has told, and what is to stay down, is kept: events are known by their ids, whoever sends them.
    mutating func leaveToOriginal() {
        ledger.forgetInHand()
        records = records.filter { $0.value.isHeld || $0.value.pause != nil }.mapValues {
            var record = $0
            record.bootID = ""
            return record
        }
    }

    /// The fewest entries that give these contents.
    ///
    /// - Parameter journaled: turns a change into one that can be kept.
    package func entries(journaled: (StateChange) -> JournaledChange) -> [JournalEntry] {
        [.counted(seq: seq)] + records.map { .record($1, of: $0) } + ledger.entries.map { .command($0) }
            + outbox.changes.map { .changed(journaled($0)) }
    }

    private mutating func count(_ number: Int64) {
        if number < Self.highestSeq { seq = max(seq, number) }
    }
}

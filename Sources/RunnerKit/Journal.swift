package import Logging
import NIOConcurrencyHelpers
package import ServerLink
package import Supervision
package import WireProtocol

/// What is written to the journal.
package enum JournalItem: Sendable {
    /// A target's state is to be told. One without an event is not kept: the next round tells it anew.
    case report(TargetReport, of: WatchedTarget, at: BootInstant)
    case record(TargetRecord, of: TargetID)
    /// What is written down of a target is of no use any more.
    case forget(TargetID)
    case command(CommandLedger.Entry)
    /// How something ended that an operator of this host asked for: not kept, and known once all before it is.
    case answer(CommandKey, CommandResult)
    case delivered(seqs: [Int64])
}

/// What others are to know of once it is on the disk.
package enum JournalNews: Sendable {
    case change(StateChange)
    case report(TargetReport, of: TargetID)
    case resolved(CommandKey, CommandResult)
}

/// All that must not be lost, in one file: what the server has not heard, what was in hand, which commands came.
///
/// Items written in one call are kept all or none, and in the order of the calls. News goes on only after it is on the
/// disk, so that what somebody has heard of is never found anew by the next runner. While one write waits for the disk,
/// the next ones gather and share another. On a disk that can't be written it goes on in memory, and catches up later.
package actor Journal<C: Clock>: CommandJournal where C.Instant == BootInstant {
    /// A file is written anew when it is this many times as long as it need be.
    private static var slack: Int { 4 }
    private static var leastLength: Int { 256 << 10 }
    /// So many numbers are written down before they are used: those that only memory knew do not come again either.
    private static var reserve: Int64 { 1000 }

    private nonisolated let executor: any SerialExecutor
    private nonisolated let queue = NIOLockedValueBox(Queue())
    private let runnerID: String
    private let bootID: String
    private let clock: C
    private let civilTime: @Sendable () -> WireTime
    private let logger: Logger
    private var storage: any JournalStorage
    private var contents = JournalContents()
    private var publish: (@Sendable ([JournalNews]) async -> Void)?
    private var length = 0
    private var lengthWhenNew = 0
    /// The file says that numbers up to this one may have been used.
    private var reserved: Int64 = 0
    /// The file lacks something that memory has.
    private var isBehind = false

    private struct Queue {
        var items: [JournalItem] = []
        var waiters: [CheckedContinuation<Bool, Never>] = []
        var isDraining = false
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// - Parameters:
    ///   - runnerID: names this runner's changes, so that a server takes none twice.
    ///   - executor: what may wait for the disk.
    ///   - civilTime: what people and the wire see; no decision depends on it.
    package init(
        _ storage: any JournalStorage, runnerID: String, bootID: String, executor: any SerialExecutor, clock: C,
        civilTime: @escaping @Sendable () -> WireTime, logger: Logger
    ) {
        self.storage = storage
        self.runnerID = runnerID
        self.bootID = bootID
        self.executor = executor
        self.clock = clock
        self.civilTime = civilTime
        self.logger = logger
    }

    /// Reads what an earlier runner left.
    ///
    /// - Parameter isCopy: it was another machine's: what that has in hand is left to it.
    /// - Returns: what it adds up to. `seq` is counted on from the time of day, so that a lost file does no harm.
    package func open(isCopy: Bool = false) -> JournalContents {
        var isDamaged = false
        do {
            if let bytes = try storage.read() {
                let reading = JournalLines.read(bytes)
                isDamaged = reading.isDamaged
                let (now, wall) = (clock.now, civilTime())
                contents = JournalContents(reading) { $0.change(bootID: bootID, now: now, wall: wall) }
            }
        } catch {
            isDamaged = true
            logger.warning("The journal can't be read", metadata: ["error": "\(error)"])
        }
        if isDamaged {
            let kept = storage.setAside()
            logger.warning(
                "The journal is not as this version writes it; it was set aside, and what could be read is used",
                metadata: ["kept.as": "\(kept ?? "nothing")"])
        }
        if isCopy { contents.leaveToOriginal() }
        apply(.counted(seq: civilTime().millisecondsSince1970))
        rewrite()
        return contents
    }

    /// From here on, `publish` hears the news, in order.
    package func start(publish: @escaping @Sendable ([JournalNews]) async -> Void) {
        self.publish = publish
    }

    // MARK: - Writing

    /// Takes items to be written soon, and in the order of the calls.
    package nonisolated func write(_ items: [JournalItem]) {
        enqueue(items, nil)
    }

    /// Returns when these items, and all before them, are on the disk, and the news of them has gone on; on a disk that
    /// can't be written, when that was told.
    ///
    /// - Returns: whether they are on the disk.
    @discardableResult
    package nonisolated func commit(_ items: [JournalItem]) async -> Bool {
        await withCheckedContinuation { enqueue(items, $0) }
    }

    @discardableResult
    package nonisolated func commit() async -> Bool { await commit([]) }

    package nonisolated func write(_ entries: [CommandLedger.Entry]) {
        write(entries.map { .command($0) })
    }

    private nonisolated func enqueue(_ items: [JournalItem], _ waiter: CheckedContinuation<Bool, Never>?) {
        guard !items.isEmpty || waiter != nil else { return }
        let begins = queue.withLockedValue { queue in
            queue.items += items
            if let waiter { queue.waiters.append(waiter) }
            defer { queue.isDraining = true }
            return !queue.isDraining
        }
        if begins { Task { await drain() } }
    }

    private func drain() async {
        while true {
            let (items, waiters) = queue.withLockedValue { queue in
                defer { (queue.items, queue.waiters) = ([], []) }
                queue.isDraining = !(queue.items.isEmpty && queue.waiters.isEmpty)
                return (queue.items, queue.waiters)
            }
            guard !items.isEmpty || !waiters.isEmpty else { return }
            var entries: [JournalEntry] = []
            let news = items.compactMap { take($0, &entries) }
            // What was delivered and is forgotten is delivered once more: that may wait for the next write.
            let isUrgent = entries.contains { if case .delivered = $0 { false } else { true } }
            save(entries, durably: isUrgent)
            if !news.isEmpty { await publish?(news) }
            for waiter in waiters { waiter.resume(returning: !isBehind) }
        }
    }

    private func take(_ item: JournalItem, _ entries: inout [JournalEntry]) -> JournalNews? {
        switch item {
        case .report(let report, let target, let moment):
            guard report.event != nil else { return .report(report, of: target.id) }
            let seq = contents.seq + 1
            let change = StateChange(
                seq: seq, target: target, report: report, observed: moment, eventID: "\(runnerID):\(seq)")
            entries.append(apply(.changed(journaled(change))))
            return .change(change)
        case .record(let record, let target):
            entries.append(apply(.record(record, of: target)))
            return nil
        case .forget(let target):
            entries.append(apply(.forgotten(target)))
            return nil
        case .command(let entry):
            entries.append(apply(.command(entry)))
            guard case .resolved(let key, let result) = entry else { return nil }
            return .resolved(key, result)
        case .answer(let key, let result): return .resolved(key, result)
        case .delivered(let seqs):
            entries.append(apply(.delivered(seqs: seqs)))
            return nil
        }
    }

    @discardableResult
    private func apply(_ entry: JournalEntry) -> JournalEntry {
        let (now, wall) = (clock.now, civilTime())
        contents.apply(entry) { $0.change(bootID: bootID, now: now, wall: wall) }
        return entry
    }

    private func journaled(_ change: StateChange) -> JournaledChange {
        JournaledChange(
            change, bootID: bootID, observedAt: civilTime().advanced(by: clock.now.duration(to: change.observed)))
    }

    // MARK: - The file

    private func save(_ entries: [JournalEntry], durably: Bool) {
        guard !entries.isEmpty else { return }
        let entries = contents.seq + Self.reserve / 2 > reserved ? entries + [reservation()] : entries
        guard !isBehind, length < max(Self.leastLength, lengthWhenNew * Self.slack) else { return rewrite() }
        do {
            let line = try JournalLines.line(of: entries)
            try storage.append(line, durably: durably)
            length += line.count
        } catch {
            fellBehind(error)
        }
    }

    private func reservation() -> JournalEntry {
        reserved = contents.seq + Self.reserve
        return .counted(seq: reserved)
    }

    /// Writes the fewest entries that say the same.
    private func rewrite() {
        do {
            var bytes: [UInt8] = []
            for entry in contents.entries(journaled: journaled) + [reservation()] {
                bytes += try JournalLines.line(of: [entry])
            }
            try storage.replace(with: bytes)
            (length, lengthWhenNew) = (bytes.count, bytes.count)
            if isBehind { logger.notice("The state directory can be written again; nothing was lost") }
            isBehind = false
        } catch {
            fellBehind(error)
        }
    }

    private func fellBehind(_ error: any Error) {
        guard !isBehind else { return }
        isBehind = true
        logger.error(
            "The state directory can't be written; the runner goes on from memory", metadata: ["error": "\(error)"])
    }
}

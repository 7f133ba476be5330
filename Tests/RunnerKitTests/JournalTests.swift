import InMemoryLogging
import Logging
import NIOConcurrencyHelpers
import RunnerKit
import ServerLink
import Supervision
import TestSupport
import Testing
import WireProtocol

/// What is written down, found again, and told only afterwards.
@Suite struct JournalTests {
    private let clock = TestClock()
    private let log = InMemoryLogHandler()
    private let disk = MemoryStorage()
    private let bot = WatchedTarget(id: TargetID(kind: .process, name: "/run/bot.pid"), agent: "bot")
    private let key = CommandKey(endpoint: "e", id: 12, issuedAt: 5)
    private let done = CommandResult(status: .completed, message: "line one\nline two")
    private static let wall: Int64 = 1_795_000_000_000

    private func journal(
        _ disk: MemoryStorage, boot: String = "b", wall: Int64 = Self.wall
    ) -> Journal<TestClock> {
        Journal(
            disk, runnerID: "r", bootID: boot, executor: QueueExecutor(), clock: clock,
            civilTime: { WireTime(millisecondsSince1970: wall) }, logger: Logger(label: "test") { [log] _ in log })
    }

    private func died(_ message: String = "bot died") -> JournalItem {
        .report(
            TargetReport(status: .error, message: message, event: HeartbeatEvent(kind: .died, signal: 9), memoryMB: 5),
            of: bot, at: clock.now)
    }

    private func record(_ attempt: Int) -> JournalItem {
        .record(TargetRecord(bootID: "b", life: Identity(token: "t", pid: 42), attempt: attempt), of: bot.id)
    }

    private var told: [String] { log.entries.map { "\($0.message)" } }

    // MARK: - What the next runner finds

    @Test func whatWasWrittenIsFoundAgain() async throws {
        let first = journal(disk)
        #expect(await first.open() == JournalContents(seq: Self.wall))
        await first.commit([died("one"), record(3), .command(.received(key)), .command(.resolved(key, done))])
        await first.commit([died("two")])
        let found = await journal(disk).open()
        #expect(found.seq >= Self.wall + 2)
        #expect(found.records[bot.id]?.attempt == 3)
        #expect(found.ledger.standing(of: key) == .resolved(done))
        #expect(found.outbox.changes.map(\.report.message) == ["one", "two"])
        #expect(found.outbox.changes.map(\.eventID) == [Int64(1), 2].map { "r:\(Self.wall + $0)" })
        let change = try #require(found.outbox.changes.first)
        #expect(change.report.event == HeartbeatEvent(kind: .died, signal: 9))
        #expect(change.report.memoryMB == 5)
        #expect(change.observed == clock.now)
        #expect(change.target == bot)
        #expect(log.entries.isEmpty)
    }

    @Test(arguments: [
        TargetRecord.Phase.idle, .waiting(due: BootInstant(sinceBoot: .milliseconds(12_345))),
        .operating(.stop, before: Identity(token: "t"), command: nil), .settling(command: nil),
        .settling(command: CommandKey(endpoint: "e", id: .max, issuedAt: -1)),
    ])
    func aRecordComesBackAsItWent(phase: TargetRecord.Phase) async {
        var record = TargetRecord(
            bootID: "b", life: Identity(token: "t", pid: 42, began: BootInstant(sinceBoot: .seconds(5))), isHeld: true,
            isStoppedByOthers: true, attempt: 3, phase: phase,
            rest: phase == .idle ? TargetRecord.Rest(status: .error, message: "is down") : nil)
        record.window.record(at: BootInstant(sinceBoot: .nanoseconds(1)))
        let first = journal(disk)
        _ = await first.open()
        await first.commit([.record(record, of: bot.id)])
        #expect(await journal(disk).open().records == [bot.id: record])
    }

    @Test func whatWasDeliveredIsNotFoundAgain() async {
        let first = journal(disk)
        _ = await first.open()
        await first.commit([died("one"), died("two"), died("three")])
        await first.commit([.delivered(seqs: [Self.wall + 1, Self.wall + 3])])
        #expect(await journal(disk).open().outbox.changes.map(\.report.message) == ["two"])
    }

    @Test func aChangeOfAnEarlierBootKeepsItsTimeOfDay() async throws {
        let first = journal(disk)
        _ = await first.open()
        clock.advance(by: .seconds(100))
        await first.commit([died()])
        let copy = MemoryStorage(disk.bytes)
        let next = await journal(disk, boot: "c", wall: Self.wall + 60_000).open()
        #expect(try #require(next.outbox.changes.first).observed == clock.now.advanced(by: .seconds(-60)))
        // A clock that was set back: nothing happened in the future.
        let odd = await journal(copy, boot: "c", wall: Self.wall - 60_000).open()
        #expect(try #require(odd.outbox.changes.first).observed == clock.now)
    }

    @Test func numbersNeverComeAgain() async {
        #expect(await journal(disk).open().seq == Self.wall)
        // The clock was set back.
        #expect(await journal(disk, wall: 5).open().seq >= Self.wall)
        #expect(await journal(MemoryStorage(), wall: 5).open().seq == 5)
    }

    /// At first; shortly before the file is written anew for the first time; and after several times.
    @Test(arguments: [0, 680, 3000]) func numbersThatOnlyMemoryKnewNeverComeAgain(before: Int) async {
        let first = journal(disk)
        _ = await first.open()
        let last = NIOLockedValueBox<Int64>(0)
        await first.start { items in
            for case .change(let change) in items { last.withLockedValue { $0 = change.seq } }
        }
        for _ in 0..<before { await first.commit([died(), .delivered(seqs: [last.withLockedValue { $0 }])]) }
        disk.fail(with: DiskFull())
        for _ in 1...400 { await first.commit([died()]) }
        disk.fail(with: nil)
        #expect(await journal(disk, wall: 5).open().seq > last.withLockedValue { $0 })
    }

    @Test func aNumberThatCouldNotBeCountedOnFromIsNotTaken() async throws {
        let line = try JournalLines.line(of: [.counted(seq: .max), .counted(seq: 7)])
        #expect(await journal(MemoryStorage(line), wall: 5).open().seq == 7)
    }

    // MARK: - What is told, and when

    @Test func newsGoesOnInOrderAndOnlyFromTheDisk() async {
        let journal = journal(disk)
        _ = await journal.open()
        let news = NIOLockedValueBox<[String]>([])
        await journal.start { [disk] items in
            for item in items {
                let text =
                    switch item {
                    case .change(let change):
                        "\(change.seq - Self.wall) "
                            + (disk.contents.outbox.changes.contains(change) ? "on the disk" : "not on the disk")
                    case .report(let report, let target): "\(target.name) \(report.status)"
                    case .resolved(let key, let result): "\(key) \(result.status)"
                    }
                news.withLockedValue { $0.append(text) }
            }
        }
        journal.write([died()])
        journal.write([.report(TargetReport(status: .ok), of: bot, at: clock.now)])
        journal.write([.command(.received(key)), .command(.resolved(key, done)), died()])
        await journal.commit()
        #expect(
            news.withLockedValue { $0 }
                == ["1 on the disk", "/run/bot.pid ok", "command 12 completed", "2 on the disk"])
    }

    @Test func whatIsCommittedOutlivesAPowerCut() async {
        let journal = journal(disk)
        _ = await journal.open()
        for attempt in 1...20 {
            journal.write([died()])
            await journal.commit([record(attempt)])
            let left = await self.journal(MemoryStorage(disk.synced)).open()
            #expect(left.records[bot.id]?.attempt == attempt)
            #expect(left.outbox.changes.count == attempt)
        }
    }

    @Test func whatIsWrittenAtOnceIsThereAllOrNone() async {
        let journal = journal(disk)
        _ = await journal.open()
        let before = disk.bytes ?? []
        await journal.commit([died(), record(7), .command(.received(key))])
        let whole = disk.bytes ?? []
        for cut in before.count...whole.count {
            let left = await self.journal(MemoryStorage(Array(whole.prefix(cut)))).open()
            let isThere = cut == whole.count
            #expect(left.outbox.changes.count == (isThere ? 1 : 0))
            #expect(left.records.count == (isThere ? 1 : 0))
            #expect(left.ledger.standing(of: key) == (isThere ? .inHand : .new))
        }
        #expect(log.entries.isEmpty, "a line that was being written is no damage")
    }

    // MARK: - Damage

    @Test(arguments: ["not json\n", "00000000 []\n", "{}\n\n", "\u{0}\u{0}\u{0}\n", "89abcdef [{\"counted\":{}}]\n"])
    func aLineThatCannotBeReadCostsNoOtherAndIsKept(damage: String) async throws {
        let first = journal(disk)
        _ = await first.open()
        await first.commit([record(1)])
        let damaged = Array(damage.utf8) + (disk.bytes ?? [])
        let other = MemoryStorage(damaged)
        #expect(await journal(other).open().records[bot.id]?.attempt == 1)
        #expect(other.setAsideBytes == [damaged])
        #expect(
            told == ["The journal is not as this version writes it; it was set aside, and what could be read is used"])
        // It is whole from here on.
        _ = await journal(other).open()
        #expect(other.setAsideBytes.count == 1)
    }

    @Test func aFileWithoutAnyLineIsKept() async {
        let zeros = [UInt8](repeating: 0, count: 5000)
        let other = MemoryStorage(zeros)
        #expect(await journal(other).open().records.isEmpty)
        #expect(other.setAsideBytes == [zeros])
        #expect(told.count == 1)
    }

    @Test func aCopyLeavesToTheOriginalWhatThatHasInHand() async {
        let first = journal(disk)
        _ = await first.open()
        let other = CommandKey(endpoint: "e", id: 13)
        await first.commit([
            died(), record(1), .command(.received(key)), .command(.resolved(key, done)), .command(.received(other)),
        ])
        let copy = await journal(MemoryStorage(disk.bytes)).open(isCopy: true)
        #expect(copy.ledger.inHand.isEmpty)
        #expect(copy.ledger.standing(of: other) == .new)
        #expect(copy.ledger.standing(of: key) == .resolved(done))
        #expect(copy.records.isEmpty)
        #expect(copy.outbox.changes.count == 1)
        await first.commit([.record(TargetRecord(bootID: "b", isHeld: true), of: bot.id)])
        let held = await journal(MemoryStorage(disk.bytes)).open(isCopy: true)
        #expect(held.records[bot.id]?.isHeld == true && held.records[bot.id]?.bootID == "")
    }

    @Test func everySpoiledByteIsSeen() async {
        let first = journal(disk)
        _ = await first.open()
        await first.commit([record(1)])
        await first.commit([record(2)])
        let bytes = disk.bytes ?? []
        for index in bytes.indices {
            var spoiled = bytes
            spoiled[index] ^= 0x04
            let found = await journal(MemoryStorage(spoiled)).open()
            #expect((found.records[bot.id]?.attempt ?? 0) < 3)
            if let record = found.records[bot.id] { #expect(record.bootID == "b" && record.life?.pid == 42) }
        }
    }

    // MARK: - A disk that fails

    @Test func onADiskThatIsFullItGoesOnFromMemoryAndCatchesUp() async {
        let journal = journal(disk)
        _ = await journal.open()
        let news = NIOLockedValueBox(0)
        await journal.start { items in news.withLockedValue { $0 += items.count } }
        disk.fail(with: DiskFull())
        for attempt in 1...5 { await journal.commit([died(), record(attempt)]) }
        await journal.commit()
        #expect(news.withLockedValue { $0 } == 5)
        #expect(await !journal.commit([record(5)]))
        #expect(disk.contents.records.isEmpty)
        #expect(told == ["The state directory can't be written; the runner goes on from memory"])
        disk.fail(with: nil)
        #expect(await journal.commit([record(6)]))
        #expect(disk.contents.records[bot.id]?.attempt == 6)
        #expect(disk.contents.outbox.changes.count == 5)
        #expect(told.last == "The state directory can be written again; nothing was lost")
    }

    @Test func aDiskThatIsFullFromTheStartIsToldAndTheRunnerGoesOn() async {
        disk.fail(with: DiskFull())
        let journal = journal(disk)
        #expect(await journal.open().seq == Self.wall)
        await journal.commit([died()])
        #expect(told.count == 1)
    }

    // MARK: - Its size

    @Test func itDoesNotGrowForEver() async {
        let journal = journal(disk)
        _ = await journal.open()
        var longest = 0
        for round in 0..<3000 {
            journal.write([died(String(repeating: "x", count: 200)), record(round)])
            await journal.commit([.delivered(seqs: [Self.wall + Int64(round) + 1])])
            longest = max(longest, disk.bytes?.count ?? 0)
        }
        #expect(longest < 300_000)
        let left = await self.journal(disk).open()
        #expect(left.records[bot.id]?.attempt == 2999)
        #expect(left.outbox.isEmpty)
        #expect(left.seq >= Self.wall + 3000)
    }
}

struct DiskFull: Error, CustomStringConvertible {
    var description: String { "no space left on device" }
}

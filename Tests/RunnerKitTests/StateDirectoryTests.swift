import FoundationEssentials
import Glibc
import InMemoryLogging
import Logging
import RunnerKit
import ServerLink
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import Testing
import WatcherAPI
import WireProtocol

@Suite struct StateDirectoryTests {
    private let directory: TestProcessDirectory
    private let log = InMemoryLogHandler()
    private let bot = TargetID(kind: .process, name: "/run/bot.pid")
    private let record = TargetRecord(
        bootID: "b", life: Identity(token: "t", pid: 42, began: BootInstant(sinceBoot: .seconds(5))), isHeld: true,
        attempt: 3, phase: .operating(.restart, before: nil, command: CommandKey(endpoint: "e", id: 12)))

    init() throws {
        directory = try TestProcessDirectory()
    }

    private var path: FilePath { directory.file("state") }

    /// Opens the directory as a runner does at its start. The one before must have ended.
    private func open() throws -> StateDirectory {
        try StateDirectory(at: path, logger: Logger(label: "test") { [log] _ in log })
    }

    private var told: [String] { log.entries.map { "\($0.message)" } }

    private func names(in path: FilePath) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path.string).sorted()
    }

    private func text(_ path: FilePath) throws -> String {
        String(decoding: try readWholeFile(path, limit: 1 << 20), as: UTF8.self)
    }

    // MARK: - The directory

    @Test func theDirectoryAndItsFilesAreForThisUserAlone() async throws {
        let state = try open()
        _ = await state.runnerID(machine: "m")
        await state.reserve(seq: 7)
        await state.save(record, of: bot)
        try await state.save([1, 2, 3], for: bot)
        _ = await state.openLedger()
        #expect(try FileStatus.of(path).permissions == 0o700)
        let targets = path.appending("targets")
        #expect(try FileStatus.of(targets).permissions == 0o700)
        #expect(try names(in: path) == ["commands.jsonl", "lock", "runner.json", "seq.json", "targets"])
        #expect(try names(in: targets).count == 2)
        for file in try names(in: path).filter({ $0 != "targets" }).map({ path.appending($0) })
            + names(in: targets).map({ targets.appending($0) })
        {
            #expect(try FileStatus.of(file).permissions == 0o600)
        }
    }

    @Test func directoriesAboveItAreMade() throws {
        let deep = directory.file("a").appending("b").appending("c")
        _ = try StateDirectory(at: deep, logger: Logger(label: "test") { [log] _ in log })
        #expect(try FileStatus.of(deep).kind == .directory)
    }

    @Test func anotherRunnerCannotUseItMeanwhile() async throws {
        let first = try open()
        #expect(throws: StateDirectoryError.self) { try open() }
        do {
            _ = try open()
        } catch {
            #expect(
                "\(error)"
                    == "another runner uses the state directory \(path): end it, or give this one its own with --state-dir"
            )
        }
        _ = await first.reservedSeq()
    }

    @Test func whenThatRunnerHasEndedItCan() async throws {
        var first: StateDirectory? = try open()
        await first?.reserve(seq: 5)
        first = nil
        #expect(try await open().reservedSeq() == 5)
    }

    @Test func whatIsNoDirectoryIsToldInWordsForTheOperator() throws {
        try directory.write("", to: path)
        #expect(throws: StateDirectoryError.self) { try open() }
        do {
            _ = try open()
        } catch {
            #expect(
                "\(error)"
                    == "the state directory \(path) can't be used: Not a directory; it must be a directory that belongs to this user, and that nobody else can write to"
            )
        }
        let below = path.appending("below")
        #expect(throws: StateDirectoryError.self) {
            try StateDirectory(at: below, logger: Logger(label: "test") { [log] _ in log })
        }
    }

    @Test func aLockThatIsALinkIsNotFollowed() throws {
        #expect(mkdir(path.string, 0o700) == 0)
        #expect(symlink(directory.file("elsewhere").string, path.appending("lock").string) == 0)
        #expect(throws: StateDirectoryError.self) { try open() }
    }

    @Test(arguments: [0o770, 0o707, 0o1777, 0o722] as [UInt32])
    func aDirectoryThatOthersCanWriteIsNotBelieved(permissions: UInt32) throws {
        #expect(mkdir(path.string, 0o700) == 0)
        #expect(chmod(path.string, permissions) == 0)
        #expect(throws: StateDirectoryError.self) { try open() }
        #expect(chmod(path.string, 0o755) == 0)
        _ = try open()
    }

    @Test(.enabled(if: geteuid() == 0, "only root can give a directory away"))
    func aDirectoryThatBelongsToSomebodyElseIsNotBelieved() throws {
        #expect(mkdir(path.string, 0o700) == 0)
        #expect(chown(path.string, 65_534, 65_534) == 0)
        #expect(throws: StateDirectoryError.self) { try open() }
    }

    // MARK: - Who this runner is

    @Test func theRunnersIdIsMadeOnceAndStays() async throws {
        let id = try await open().runnerID(machine: "m")
        #expect(UUID(uuidString: id) != nil)
        #expect(id == id.lowercased())
        #expect(try await open().runnerID(machine: "m") == id)
        #expect(log.entries.isEmpty)
    }

    @Test func aCopyOnAnotherMachineIsAnotherRunner() async throws {
        let id = try await open().runnerID(machine: "m")
        let other = try await open().runnerID(machine: "n")
        #expect(other != id)
        #expect(try await open().runnerID(machine: "n") == other)
    }

    @Test(arguments: ["", "{", "null", "[]", "7", #"{"id": 7, "machine": "m"}"#, "\u{0}\u{0}\u{0}"])
    func anIdThatCannotBeReadIsSetAsideAndMadeAnew(content: String) async throws {
        let id = try await open().runnerID(machine: "m")
        try directory.write(content, to: path.appending("runner.json"), permissions: 0o600)
        let other = try await open().runnerID(machine: "m")
        #expect(other != id)
        #expect(try await open().runnerID(machine: "m") == other)
        let kept = try names(in: path).filter { $0.hasPrefix("runner.json.unreadable-") }
        #expect(try kept.map { try text(path.appending($0)) } == [content])
        #expect(told == ["A state file is not as this version writes it; it was set aside"])
    }

    @Test func anIdThatIsNoneIsMadeAnew() async throws {
        _ = try open()
        try directory.write(#"{"id": "../../etc", "machine": "m"}"#, to: path.appending("runner.json"))
        #expect(UUID(uuidString: try await open().runnerID(machine: "m")) != nil)
    }

    // MARK: - How far it counted

    @Test func theCountIsFoundAgain() async throws {
        let state = try open()
        #expect(await state.reservedSeq() == 0)
        await state.reserve(seq: 1_800_000_000_000)
        #expect(await state.reservedSeq() == 1_800_000_000_000)
    }

    @Test func aCountThatCouldNotBeCountedOnFromIsNotTaken() async throws {
        let state = try open()
        await state.reserve(seq: .max)
        #expect(await state.reservedSeq() == 0)
    }

    @Test func whatOthersCanWriteIsNotUsed() throws {
        #expect(mkdir(path.string, 0o777) == 0 && chmod(path.string, 0o777) == 0)
        #expect(throws: StateDirectoryError.self) { try open() }
    }

    @Test func aCountThatCannotBeWrittenIsToldOnceAndTheRunnerGoesOn() async throws {
        let state = try open()
        // As on a full or read-only disk: the draft can't be made.
        #expect(mkdir(path.appending("seq.json.new").string, 0o700) == 0)
        for seq in Int64(1)...3 { await state.reserve(seq: seq) }
        #expect(told == ["A state file can't be written; the runner goes on from memory"])
        #expect(await state.reservedSeq() == 0)
        #expect(rmdir(path.appending("seq.json.new").string) == 0)
        await state.reserve(seq: 4)
        #expect(await state.reservedSeq() == 4)
        #expect(mkdir(path.appending("seq.json.new").string, 0o700) == 0)
        await state.reserve(seq: 5)
        // It had got better in between, so that it is news again.
        #expect(told.count == 2)
    }

    // MARK: - Targets

    @Test(arguments: [
        TargetRecord.Phase.idle, .waiting(due: BootInstant(sinceBoot: .milliseconds(12_345))),
        .operating(.stop, before: Identity(token: "t"), command: nil), .settling(command: nil),
        .settling(command: CommandKey(endpoint: "e", id: .max, issuedAt: -1)),
    ])
    func aRecordComesBackAsItWent(phase: TargetRecord.Phase) async throws {
        var record = record
        record.phase = phase
        record.window.record(at: BootInstant(sinceBoot: .nanoseconds(1)))
        try await open().save(record, of: bot)
        #expect(try await open().record(of: bot) == record)
    }

    @Test func whatWasNeverSavedIsNothing() async throws {
        let state = try open()
        #expect(await state.record(of: bot) == nil)
        #expect(await state.load(bot) == nil)
        #expect(log.entries.isEmpty)
    }

    @Test(arguments: [
        ("process:/run/a b.pid", "process:/run/a_b.pid"), ("process:/run/ä.pid", "process:/run/ö.pid"),
        ("process:/run/bot.pid", "docker:/run/bot.pid"),
        (
            "process:/a/" + String(repeating: "x", count: 100) + "/bot.pid",
            "process:/b/" + String(repeating: "x", count: 100) + "/bot.pid"
        ),
        ("process:" + String(repeating: "/..", count: 30), "process:" + String(repeating: "/..", count: 31)),
    ])
    func twoTargetsNeverShareAFile(first: String, second: String) async throws {
        let targets = try [first, second].map { text in
            let colon = try #require(text.firstIndex(of: ":"))
            return TargetID(
                kind: try #require(WatcherKind(rawValue: String(text[..<colon]))),
                name: String(text[text.index(after: colon)...]))
        }
        let state = try open()
        for (index, target) in targets.enumerated() {
            var record = record
            record.attempt = index
            await state.save(record, of: target)
            try await state.save([UInt8(index)], for: target)
        }
        for (index, target) in targets.enumerated() {
            #expect(await state.record(of: target)?.attempt == index)
            #expect(await state.load(target) == [UInt8(index)])
        }
        #expect(try names(in: path.appending("targets")).count == 4)
        #expect(try names(in: path).count == 2)
        #expect(log.entries.isEmpty)
    }

    @Test func aRecordThatCannotBeReadIsSetAsideAndCostsOnlyItself() async throws {
        let state = try open()
        let other = TargetID(kind: .process, name: "/run/other.pid")
        for target in [bot, other] { await state.save(record, of: target) }
        let file = try #require(names(in: path.appending("targets")).first { $0.contains("bot") })
        try directory.write(#"{"target":"process:/run/bot.pid","rec"#, to: path.appending("targets").appending(file))
        #expect(await state.record(of: bot) == nil)
        #expect(await state.record(of: other) == record)
        #expect(try names(in: path.appending("targets")).contains { $0.hasPrefix("\(file).unreadable-") })
        await state.save(record, of: bot)
        #expect(await state.record(of: bot) == record)
    }

    @Test func whatIsInThePlaceOfARecordIsSetAsideToo() async throws {
        let state = try open()
        await state.save(record, of: bot)
        let file = path.appending("targets").appending(
            try #require(names(in: path.appending("targets")).first))
        // A link is not followed, and a directory is no file; neither is wiped.
        for place in [{ symlink("/etc/passwd", $0) }, { mkdir($0, 0o700) }] as [@Sendable (String) -> Int32] {
            #expect(unlink(file.string) == 0)
            #expect(place(file.string) == 0)
            #expect(await state.record(of: bot) == nil)
            await state.save(record, of: bot)
            #expect(await state.record(of: bot) == record)
        }
        let kept = try names(in: path.appending("targets")).filter { $0.contains(".unreadable-") }
        #expect(kept.count == 2)
    }

    @Test func aNoteThatCannotBeWrittenIsAnErrorAndTheOldOneStands() async throws {
        let state = try open()
        try await state.save([1], for: bot)
        let file = try #require(names(in: path.appending("targets")).first)
        #expect(mkdir(path.appending("targets").appending("\(file).new").string, 0o700) == 0)
        await #expect(throws: Errno.isDirectory) { try await state.save([2], for: bot) }
        #expect(await state.load(bot) == [1])
    }

    // MARK: - Commands

    private let key = CommandKey(endpoint: "e", id: 12, issuedAt: 5)
    private let done = CommandResult(status: .completed, message: "line one\nline two")

    @Test func theLedgerIsFoundAgain() async throws {
        var state: StateDirectory? = try open()
        #expect(await state?.openLedger() == CommandLedger())
        try await state?.append(.received(key))
        try await state?.append(.resolved(key, done))
        state = nil
        let ledger = try await open().openLedger()
        #expect(ledger.standing(of: key) == .resolved(done))
        #expect(ledger.unreported.count == 1)
        #expect(log.entries.isEmpty)
    }

    @Test func aTornLastLineIsLeftOutAndTheNextOneIsWhole() async throws {
        var state: StateDirectory? = try open()
        _ = await state?.openLedger()
        try await state?.append(.received(key))
        state = nil
        let file = path.appending("commands.jsonl")
        try directory.write(try text(file) + #"{"resolved":{"_0":{"endp"#, to: file)
        state = try open()
        #expect(await state?.openLedger().standing(of: key) == .inHand)
        try await state?.append(.resolved(key, done))
        state = nil
        #expect(try await open().openLedger().standing(of: key) == .resolved(done))
        #expect(log.entries.isEmpty)
    }

    @Test func aLineThatCannotBeReadCostsNoOtherAndIsKept() async throws {
        var state: StateDirectory? = try open()
        _ = await state?.openLedger()
        try await state?.append(.received(key))
        state = nil
        let file = path.appending("commands.jsonl")
        let before = "not json\n" + (try text(file)) + "{}\n\n"
        try directory.write(before, to: file)
        #expect(try await open().openLedger().standing(of: key) == .inHand)
        let kept = try names(in: path).filter { $0.hasPrefix("commands.jsonl.unreadable-") }
        #expect(try kept.map { try text(path.appending($0)) } == [before])
        #expect(told == ["A state file is not as this version writes it; it was set aside"])
    }

    @Test func aLedgerThatIsNoFileIsSetAsideAndANewOneKeepsWhatComes() async throws {
        var state: StateDirectory? = try open()
        #expect(mkdir(path.appending("commands.jsonl").string, 0o700) == 0)
        #expect(await state?.openLedger() == CommandLedger())
        try await state?.append(.received(key))
        state = nil
        #expect(try await open().openLedger().standing(of: key) == .inHand)
        #expect(!log.entries.isEmpty)
    }

    @Test func aLedgerThatCannotBeWrittenIsToldAndTheRunnerGoesOn() async throws {
        let state = try open()
        #expect(mkdir(path.appending("commands.jsonl.new").string, 0o700) == 0)
        #expect(await state.openLedger() == CommandLedger())
        #expect(told == ["The command ledger can't be used; it is kept in memory only"])
        await #expect(throws: Errno.self) { try await state.append(.received(key)) }
    }

    @Test func whatIsOverAndToldDoesNotGrowTheLedgerForEver() async throws {
        var state: StateDirectory? = try open()
        _ = await state?.openLedger()
        for id in Int64(0)..<(Int64(CommandLedger.kept) + 200) {
            let key = CommandKey(endpoint: "e", id: id)
            for entry in [CommandLedger.Entry.received(key), .resolved(key, done), .reported(key)] {
                try await state?.append(entry)
            }
        }
        state = nil
        #expect(try await open().openLedger().standing(of: CommandKey(endpoint: "e", id: 0)) == .new)
        let lines = try text(path.appending("commands.jsonl")).split(separator: "\n")
        #expect(lines.count == CommandLedger.kept * 3)
    }
}

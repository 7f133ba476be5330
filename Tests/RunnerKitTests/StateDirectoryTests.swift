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
        _ = await state.identity(machine: "m").id
        try await state.save([1, 2, 3], for: bot)
        var journal = JournalFile(state.journal)
        try journal.replace(with: [])
        #expect(try FileStatus.of(path).permissions == 0o700)
        let targets = path.appending("targets")
        #expect(try FileStatus.of(targets).permissions == 0o700)
        #expect(try names(in: path) == ["journal", "lock", "runner.json", "targets"])
        #expect(try names(in: targets).count == 1)
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
        _ = await first.identity(machine: "m").id
    }

    @Test func whenThatRunnerHasEndedItCan() async throws {
        var first: StateDirectory? = try open()
        let id = await first?.identity(machine: "m").id
        first = nil
        #expect(try await open().identity(machine: "m").id == id)
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
        let id = try await open().identity(machine: "m").id
        #expect(UUID(uuidString: id) != nil)
        #expect(id == id.lowercased())
        #expect(try await open().identity(machine: "m").id == id)
        #expect(log.entries.isEmpty)
    }

    @Test func aCopyOnAnotherMachineIsAnotherRunner() async throws {
        let id = try await open().identity(machine: "m").id
        let other = try await open().identity(machine: "n")
        #expect(other.id != id && other.isCopy)
        let again = try await open().identity(machine: "n")
        #expect(again.id == other.id && !again.isCopy)
        #expect(
            told == [
                "The state directory comes from another machine; this runner gets an id of its own, and leaves to the other what that has in hand"
            ])
    }

    @Test(arguments: ["", "{", "null", "[]", "7", #"{"id": 7, "machine": "m"}"#, "\u{0}\u{0}\u{0}"])
    func anIdThatCannotBeReadIsSetAsideAndMadeAnew(content: String) async throws {
        let id = try await open().identity(machine: "m").id
        try directory.write(content, to: path.appending("runner.json"), permissions: 0o600)
        let other = try await open().identity(machine: "m").id
        #expect(other != id)
        #expect(try await open().identity(machine: "m").id == other)
        let kept = try names(in: path).filter { $0.hasPrefix("runner.json.unreadable-") }
        #expect(try kept.map { try text(path.appending($0)) } == [content])
        #expect(told == ["A state file is not as this version writes it; it was set aside"])
    }

    @Test func aJournalWithoutAnIdIsTold() async throws {
        let state = try open()
        try directory.write("", to: state.journal, permissions: 0o600)
        _ = await state.identity(machine: "m")
        #expect(told == ["The state directory has a journal and no id of a runner; this runner gets a new one"])
    }

    @Test func anIdThatIsNoneIsMadeAnew() async throws {
        _ = try open()
        try directory.write(#"{"id": "../../etc", "machine": "m"}"#, to: path.appending("runner.json"))
        #expect(UUID(uuidString: try await open().identity(machine: "m").id) != nil)
    }

    @Test func whatOthersCanWriteIsNotUsed() throws {
        #expect(mkdir(path.string, 0o777) == 0 && chmod(path.string, 0o777) == 0)
        #expect(throws: StateDirectoryError.self) { try open() }
    }

    // MARK: - Targets

    @Test func whatWasNeverSavedIsNothing() async throws {
        let state = try open()
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
            try await state.save([UInt8(index)], for: target)
        }
        for (index, target) in targets.enumerated() {
            #expect(await state.load(target) == [UInt8(index)])
        }
        #expect(try names(in: path.appending("targets")).count == 2)
        #expect(try names(in: path).count == 2)
        #expect(log.entries.isEmpty)
    }

    @Test func aNoteThatCannotBeWrittenIsAnErrorAndTheOldOneStands() async throws {
        let state = try open()
        try await state.save([1], for: bot)
        let file = try #require(names(in: path.appending("targets")).first)
        #expect(mkdir(path.appending("targets").appending("\(file).new").string, 0o700) == 0)
        let error = await #expect(throws: StateFileError.self) { try await state.save([2], for: bot) }
        let path = path.appending("targets").appending(file)
        #expect(error?.description == "\(path) can't be written: Is a directory")
        #expect(await state.load(bot) == [1])
    }
}

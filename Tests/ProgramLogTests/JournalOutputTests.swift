import Logging
import ProgramLog
import SystemPackage
import Testing

/// A log that goes to journald, which stops, goes on, or goes away.
@Suite(.timeLimit(.minutes(1))) struct JournalOutputTests {
    private let pipe: Pipe

    init() throws { pipe = try Pipe() }

    private func output(_ journal: StandInJournal) -> LogOutput {
        LogOutput(program: "test", format: .journal, descriptor: pipe.writeEnd, journal: journal.path)
    }

    @Test func aMessageIsAnEntryAndNoLine() async throws {
        let journal = try StandInJournal()
        let output = output(journal)
        output.write(.saying("Bot died", ["end": "a\nb", "target": "x"], level: .error))
        let entries = await journal.entries { _ in true }
        #expect(
            entries == [
                [
                    "PRIORITY": "3", "SYSLOG_IDENTIFIER": "test", "MESSAGE": "Bot died end=a\n    | b target=x",
                    "CLEVAGENT_MODULE": "Bots", "CLEVAGENT_END": "a\nb", "CLEVAGENT_TARGET": "x",
                ]
            ])
        #expect(await output.flushed())
        output.write("after\n")
        #expect(await pipe.lines { $0 == "after" } == ["after"])
    }

    @Test func withoutAJournalItIsALineUntilThereIsOne() async throws {
        let path = StandInJournal.place()
        let output = LogOutput(program: "test", format: .journal, descriptor: pipe.writeEnd, journal: path)
        output.write(.saying("Bot died\nand more", ["target": "x"], level: .error))
        let lines = await pipe.lines { $0.hasPrefix("    | ") }
        #expect(lines.count == 2)
        #expect(lines.first?.hasSuffix(" error clevagent-runner: target=x [Bots] Bot died") == true)
        #expect(lines.last == "    | and more")
        var journal: StandInJournal? = try StandInJournal(at: path)
        output.write(.saying("Bot is back"))
        #expect(await journal?.entries { _ in true }.map { $0["MESSAGE"] } == ["Bot is back"])
        journal = nil
        output.write(.saying("Bot is gone"))
        #expect(await pipe.lines { $0.hasSuffix("gone") }.count == 1)
        journal = try StandInJournal(at: path)
        output.write(.saying("Bot is back again"))
        #expect(await journal?.entries { _ in true }.map { $0["MESSAGE"] } == ["Bot is back again"])
    }

    @Test func aPathThatNoSocketCanHaveIsNoJournal() async throws {
        let output = LogOutput(
            program: "test", format: .journal, descriptor: pipe.writeEnd,
            journal: FilePath("/" + String(repeating: "x", count: 200)))
        output.write(.saying("Bot died"))
        #expect(await pipe.lines { $0.hasSuffix("died") }.count == 1)
    }

    @Test func anEntryThatIsTooLargeIsCut() async throws {
        let journal = try StandInJournal()
        let output = output(journal)
        output.write(.saying("Bot died", ["a": "x", "log": String(repeating: "y", count: 150_000)]))
        let entry = try #require(await journal.entries { _ in true }.first)
        #expect(entry["MESSAGE"]?.hasPrefix("Bot died a=x log=yyy") == true)
        #expect(entry["MESSAGE"]?.hasSuffix("y… (148993 more bytes left out)") == true)
        #expect(entry["CLEVAGENT_A"] == "x")
        #expect(entry["CLEVAGENT_LOG"]?.hasSuffix("y… (148976 more bytes left out)") == true)
    }

    @Test func aJournalThatStoppedHoldsUpNobodyAndTheLostMessagesAreCounted() async throws {
        let journal = try StandInJournal()
        let output = output(journal)
        // Some 2 MiB.
        let count = 20_000
        for number in 0..<count { output.write(.saying("\(number)")) }
        #expect(!output.flush(within: .milliseconds(10)))
        async let read = journal.entries { $0["MESSAGE"] == "after" }
        #expect(await output.flushed())
        output.write(.saying("after"))
        var expected = 0
        for entry in await read.dropLast() {
            let message = try #require(entry["MESSAGE"])
            if let notice = message.wholeMatch(of: /(\d+) log lines were dropped: the journal did not take them/) {
                #expect(entry["PRIORITY"] == "4")
                expected += try #require(Int(notice.1))
            } else {
                #expect(message == "\(expected)")
                expected += 1
            }
        }
        #expect(expected == count)
    }
}

import Glibc
import ProgramLog
import Testing

/// What the log looks like, by settings and by where standard error goes.
@Suite struct LogFormatTests {
    private let pipe: Pipe
    private let stream: String

    init() throws {
        pipe = try Pipe()
        var facts = stat()
        try #require(fstat(pipe.writeEnd, &facts) == 0)
        stream = "\(facts.st_dev):\(facts.st_ino)"
    }

    private func format(_ setting: String, _ environment: [String: String]) -> LogFormat {
        LogFormat(setting, environment: environment, descriptor: pipe.writeEnd)
    }

    @Test func standardErrorThatGoesToTheJournalIsKnown() {
        #expect(format("auto", ["JOURNAL_STREAM": stream]) == .journal)
    }

    @Test(arguments: ["", ":", "1:2", " %", "%x", "x"]) func aVariableThatMeansAnotherFileSaysNothing(text: String) {
        #expect(format("auto", ["JOURNAL_STREAM": text.replacing("%", with: stream)]) == .text)
        #expect(format("auto", [:]) == .text)
    }

    @Test func aClosedStandardErrorIsNoJournal() {
        #expect(LogFormat("auto", environment: ["JOURNAL_STREAM": stream], descriptor: -1) == .text)
    }

    @Test(arguments: [("text", LogFormat.text), ("json", .json), ("journal", .journal)])
    func whatIsSaidOutrightIsDone(setting: String, result: LogFormat) {
        #expect(format(setting, ["JOURNAL_STREAM": stream]) == result)
        #expect(format(setting, [:]) == result)
    }
}

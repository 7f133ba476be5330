import FoundationEssentials
import Logging
import ProgramLog
import Testing

/// The forms that are lines.
@Suite struct LogRecordTests {
    private func members(_ record: LogRecord) throws -> [String: String] {
        try JSONDecoder().decode([String: String].self, from: Data(record.json))
    }

    @Test func aLineForPeopleHasTheMetadataInTheOrderOfItsKeys() {
        let line = LogRecord.saying("Bot died", ["target": "process:/run/x.pid", "end": "killed"], level: .warning).text
        #expect(
            line.hasSuffix(" warning clevagent-runner: end=killed target=process:/run/x.pid [Bots] Bot died\n"))
        // The hour is this machine's own, and so may be the day.
        #expect(line.prefixMatch(of: /2026-1[12]-\d\dT\d\d:\d\d:53[+-]\d{4}/) != nil)
        #expect(LogRecord.saying("Bot died").text.hasSuffix(" info clevagent-runner: [Bots] Bot died\n"))
    }

    @Test func aLineForProgramsIsOneObject() {
        let line = LogRecord.saying("Bot died", ["target": "process:/run/x.pid", "kept.as": "\"x\\"]).json
        #expect(
            String(decoding: line, as: UTF8.self)
                == #"{"kept.as":"\"x\\","level":"info","message":"Bot died","target":"process:/run/x.pid","#
                + #""time":"2026-11-30T16:53:53.007Z"}"# + "\n")
    }

    @Test(arguments: [
        "two\nlines\r\n", "\u{0}\u{1}\u{1b}[2J\u{1f}\u{7f}\u{85}", "\u{2028}\u{2029}\u{202e}", "\"}\\u0000{", "🤖 ü 漢",
        String(decoding: [0x61, 0xFF, 0xC0, 0x80, 0xED, 0xA0, 0x80], as: UTF8.self), "",
    ])
    func whateverIsSaidComesThroughInOneLine(words: String) throws {
        let record = LogRecord.saying(words, [words: words, "target": words])
        let line = record.json
        #expect(line.last == 0x0A)
        #expect(line.dropLast().allSatisfy { $0 >= 0x20 })
        let members = try members(record)
        #expect(members["message"] == words)
        #expect(members["target"] == words)
        #expect(members[words] == words)
        #expect(members.count == 5)
    }

    @Test func metadataHidesNothing() throws {
        let taken = ["time": "a", "level": "b", "message": "c", "other": "d"]
        #expect(
            try members(.saying("Bot died", taken)) == [
                "time": "2026-11-30T16:53:53.007Z", "level": "info", "message": "Bot died", "other": "d",
                "metadata.time": "a", "metadata.level": "b", "metadata.message": "c",
            ])
    }
}

import FoundationEssentials
import Logging
import ProgramLog
import Testing

/// From a logger to what is read.
@Suite(.timeLimit(.minutes(1))) struct OutputLogHandlerTests {
    private let pipe: Pipe

    init() throws { pipe = try Pipe() }

    private func logger(_ format: LogFormat) -> Logger {
        let output = LogOutput(program: "test", format: format, descriptor: pipe.writeEnd)
        return Logger(label: "bots") { OutputLogHandler(label: $0, output: output) }
    }

    @Test func aLoggersMetadataAndAMessagesComeTogether() async throws {
        var logger = logger(.json)
        logger[metadataKey: "target"] = "x"
        logger[metadataKey: "event"] = "none"
        logger.logLevel = .notice
        logger.info("Not told")
        logger.notice("Bot died", metadata: ["event": "died", "pids": ["1", "2"]])
        let line = try #require(await pipe.lines { _ in true }.first)
        var members = try JSONDecoder().decode([String: String].self, from: Data(line.utf8))
        #expect(members.removeValue(forKey: "time") != nil)
        #expect(
            members == [
                "event": "died", "level": "notice", "message": "Bot died", "pids": #"["1", "2"]"#, "target": "x",
            ])
        #expect(logger[metadataKey: "event"] == "none")
    }

    @Test func nobodysWordsPassForAMessageOfTheProgram() async throws {
        let logger = logger(.text)
        logger.warning("Bot died\n2026-01-01 notice: all is well", metadata: ["target": "\u{1b}[2J"])
        logger.info("after")
        let lines = await pipe.lines { $0.hasSuffix("after") }
        #expect(lines.count == 3)
        #expect(lines.first?.hasSuffix(" warning bots: target=[2J [ProgramLogTests] Bot died") == true)
        #expect(lines.dropFirst().first == "    | 2026-01-01 notice: all is well")
    }

    @Test func aReaderThatStoppedIsToldInTheFormOfTheLog() async throws {
        pipe.fill()
        let output = LogOutput(program: "test", format: .json, descriptor: pipe.writeEnd)
        // Some 2 MiB.
        for number in 0..<20_000 { output.write(.saying("\(number) of a log that is long")) }
        async let read = pipe.lines { $0.contains("after") }
        #expect(await output.flushed())
        output.write(.saying("after"))
        let messages = try await read.map {
            try JSONDecoder().decode([String: String].self, from: Data($0.utf8))["message"]
        }
        #expect(
            messages.contains { $0?.hasSuffix(" log lines were dropped: standard error did not take them") == true })
    }
}

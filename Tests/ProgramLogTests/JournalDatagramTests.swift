import Logging
import ProgramLog
import Testing

/// The bytes that journald reads.
@Suite struct JournalDatagramTests {
    private func bytes(_ record: LogRecord, limit: Int = .max) -> [UInt8] {
        JournalDatagram(record, identifier: "clevagent-runner", limit: limit).bytes
    }

    private func text(_ record: LogRecord, limit: Int = .max) -> String {
        String(decoding: bytes(record, limit: limit), as: UTF8.self)
    }

    @Test func theMessageCanBeReadAloneAndMetadataAreFields() {
        let record = LogRecord.saying(
            "Bot died", ["target": "process:/run/x.pid", "watcher.kind": "process", "event": "died"], level: .notice)
        #expect(
            text(record) == """
                PRIORITY=5
                SYSLOG_IDENTIFIER=clevagent-runner
                MESSAGE=Bot died event=died target=process:/run/x.pid watcher.kind=process
                CLEVAGENT_MODULE=Bots
                CLEVAGENT_EVENT=died
                CLEVAGENT_TARGET=process:/run/x.pid
                CLEVAGENT_WATCHER_KIND=process

                """)
        #expect(text(.saying("Bot died")).contains("\nMESSAGE=Bot died\n"))
    }

    @Test func aValueOfSeveralLinesIsGivenByItsLength() {
        let start = Array("PRIORITY=6\nSYSLOG_IDENTIFIER=clevagent-runner\n".utf8)
        let message = Array("MESSAGE\n".utf8) + [17, 0, 0, 0, 0, 0, 0, 0] + "Died x=a\n    | =b\n".utf8
        let rest = Array("CLEVAGENT_MODULE=Bots\nCLEVAGENT_X\n".utf8) + [4, 0, 0, 0, 0, 0, 0, 0] + "a\n=b\n".utf8
        #expect(bytes(.saying("Died", ["x": "a\n=b"])) == start + message + rest)
        let long = bytes(.saying("", ["x": String(repeating: "\n", count: 0x01_02_03)]))
        #expect(long.contains(Array("CLEVAGENT_X\n".utf8) + [3, 2, 1, 0, 0, 0, 0, 0, 0x0A]))
    }

    @Test func theMessageDrivesNoTerminal() {
        let record = LogRecord.saying("a\u{1b}[2J\u{0}\tb\r", ["x": "\u{7f}c"])
        #expect(text(record).contains("\nMESSAGE=a[2J\tb x=c\n"))
        // As it was: journalctl shows it to none but who asks for it.
        #expect(text(record).contains("\nCLEVAGENT_X=\u{7f}c\n"))
    }

    @Test func whatIsNoTextIsReplaced() {
        let record = LogRecord.saying("a", ["x": String(decoding: [0x61, 0xFF], as: UTF8.self)])
        #expect(bytes(record).contains(Array("CLEVAGENT_X=a".utf8) + [0xEF, 0xBF, 0xBD, 0x0A]))
    }

    @Test(arguments: [
        ("target", "TARGET"), ("kept.as", "KEPT_AS"), ("a-b c", "A_B_C"), ("_PID", "_PID"), ("1st", "1ST"),
        ("a=\n\u{0}b", "A___B"), ("ü", "__"), ("", ""),
        (String(repeating: "x", count: 99), String(repeating: "X", count: 54)),
    ])
    func aFieldsNameIsOneThatJournaldTakes(key: String, name: String) {
        #expect(text(.saying("a", [key: "b"])).hasSuffix("\nCLEVAGENT_MODULE=Bots\nCLEVAGENT_\(name)=b\n"))
    }

    @Test(
        arguments: [
            (.trace, 7), (.debug, 7), (.info, 6), (.notice, 5), (.warning, 4), (.error, 3), (.critical, 2),
        ] as [(Logger.Level, Int)])
    func theLevelIsSyslogs(level: Logger.Level, priority: Int) {
        #expect(text(.saying("a", level: level)).hasPrefix("PRIORITY=\(priority)\n"))
    }

    @Test func ofAValueThatIsTooLongItIsSaidHowMuchIsLeftOut() {
        let record = LogRecord.saying("died", ["y": String(repeating: "z", count: 50)])
        #expect(
            text(record, limit: 20).contains(
                "\nCLEVAGENT_Y=\(String(repeating: "z", count: 20))… (30 more bytes left out)\n"))
        #expect(text(record, limit: 20).contains("\nMESSAGE=died y=zzzzzzzzzzzzz… (37 more bytes left out)\n"))
        #expect(text(record, limit: 50).contains("\nCLEVAGENT_Y=\(String(repeating: "z", count: 50))\n"))
        #expect(text(.saying("üü"), limit: 3).contains("\nMESSAGE=ü\u{FFFD}… (1 more bytes left out)\n"))
    }
}

extension [UInt8] {
    fileprivate func contains(_ part: [UInt8]) -> Bool {
        indices.contains { self[$0...].starts(with: part) }
    }
}

import SystemSupport
import Testing

@Suite struct CommandLineTextTests {
    @Test(arguments: [
        ("python3\0bot.py\0--fast\0", "bot.py --fast", true), ("python3\0bot.py\0", "python3 bot.py", true),
        ("python3\0bot.py\0", "bot.py ", false), ("python3\0bot.py", "bot.py", true), ("bot\0\0\0", "bot", true),
        ("bot\0\0x\0", "bot  x", true), ("Bot\0", "bot", false), ("a\nb\0", "a\nb", true), ("bot\0", "bots", false),
        ("\0\0\0", " ", false), ("", "bot", false), ("bo\0t\0", "bot", false), ("b\u{F6}t\0", "\u{F6}", true),
    ])
    func `Arguments are compared as one text with blanks between them`(block: String, text: String, isFound: Bool) {
        #expect(CommandLineText(Array(block.utf8)).contains(ByteText(text)) == isFound)
    }

    @Test func `Bytes that are no UTF-8 are compared as they are`() {
        let line = CommandLineText([0xFF, 0x62, 0x6F, 0x74, 0xC3, 0, 0x80])
        #expect(line.contains("bot"))
        #expect(line.contains(ByteText([0xC3, 0x20, 0x80])))
        #expect(!line.contains("\u{FFFD}"))
    }

    @Test func `A list of arguments is the same as the block it came from`() {
        #expect(CommandLineText(["a", "", "b c"] as [ByteText]) == CommandLineText(Array("a\0\0b c\0".utf8)))
    }

    /// Two megabytes that begin to match everywhere: looked at byte by byte this would take minutes.
    @Test(.timeLimit(.minutes(1))) func `A long line made to be slow is looked through at once`() {
        let line = CommandLineText([UInt8](repeating: UInt8(ascii: "a"), count: 2 << 20))
        let text = [UInt8](repeating: UInt8(ascii: "a"), count: 4000)
        for _ in 0..<20 {
            #expect(!line.contains(ByteText(text + [UInt8(ascii: "b")])))
            #expect(!line.contains(ByteText([UInt8(ascii: "b")] + text)))
        }
        #expect(line.contains(ByteText(text)))
    }
}

import Glibc
import ProgramLog
import Testing

/// A log whose reader stops, goes on, or goes away.
@Suite(.timeLimit(.minutes(1))) struct LogOutputTests {
    @Test func aReaderThatStoppedHoldsUpNobodyAndTheLostLinesAreCounted() async throws {
        let pipe = try Pipe()
        // So that none gets through.
        pipe.fill()
        let output = LogOutput(program: "test", descriptor: pipe.writeEnd)
        // Some 600 KiB.
        let count = 20_000
        for number in 0..<count { output.write("line \(number) of a log that is long\n") }
        #expect(!output.flush(within: .milliseconds(10)))
        async let read = pipe.lines { $0 == "after" }
        #expect(await output.flushed())
        output.write("after\n")
        var expected = 0
        // A gap is told where it is, and there may be more than one: when what is written out makes room for some.
        for line in await read.dropLast() {
            if let notice = line.wholeMatch(
                of: /test: (\d+) log lines were dropped: standard error did not take them/)
            {
                expected += try #require(Int(notice.1))
            } else {
                #expect(line == "line \(expected) of a log that is long")
                expected += 1
            }
        }
        #expect(expected == count)
    }

    @Test func aLineThatIsTooLongIsCountedAndTheNextOneIsWritten() async throws {
        let pipe = try Pipe()
        let output = LogOutput(program: "test", descriptor: pipe.writeEnd)
        output.write(String(repeating: "x", count: LogOutput.capacity) + "\n")
        #expect(await output.flushed())
        output.write("after\n")
        #expect(
            await pipe.lines { $0 == "after" } == [
                "test: 1 log lines were dropped: standard error did not take them", "after",
            ])
    }

    @Test func whatWasLoggedBeforeTheEndComesOut() async throws {
        let pipe = try Pipe()
        let output = LogOutput(program: "test", descriptor: pipe.writeEnd)
        for number in 1...100 { output.write("\(number)\n") }
        #expect(await output.flushed())
        #expect(await pipe.lines { $0 == "100" }.count == 100)
    }

    @Test func nobodysWordsPassForAMessageOfTheProgram() async throws {
        let pipe = try Pipe()
        let output = LogOutput(program: "test", descriptor: pipe.writeEnd)
        output.write("bot died\n2026-01-01 notice: all is well\n\n\u{1b}[2K\rand\tmore\n")
        output.write("after\n")
        #expect(
            await pipe.lines { $0 == "after" } == [
                "bot died", "    | 2026-01-01 notice: all is well", "    | ", "    | [2Kand\tmore", "after",
            ])
    }

    @Test func aNonBlockingDescriptorLosesNothing() async throws {
        let pipe = try Pipe()
        _ = fcntl(pipe.writeEnd, F_SETFL, O_NONBLOCK)
        let output = LogOutput(program: "test", descriptor: pipe.writeEnd)
        for number in 1...5000 { output.write("\(number) of a log that is long, as all logs are\n") }
        #expect(await pipe.lines { $0.hasPrefix("5000 ") }.count == 5000)
    }
}

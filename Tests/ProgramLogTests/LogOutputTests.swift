import Dispatch
import Glibc
import ProgramLog
import Testing

/// A log whose reader stops, goes on, or goes away.
@Suite(.timeLimit(.minutes(1))) struct LogOutputTests {
    @Test func aReaderThatStoppedHoldsUpNobodyAndTheLostLinesAreCounted() async throws {
        let pipe = try Pipe()
        let output = LogOutput(program: "test", descriptor: pipe.writeEnd)
        let count = 20_000
        // Some 600 KiB, of which a pipe takes 64.
        for number in 0..<count { output.write("line \(number) of a log that is long\n") }
        #expect(!output.flush(within: .milliseconds(10)))
        let lines = await pipe.lines { $0.contains("dropped") }
        let notice = try #require(lines.last)
        let dropped = count - (lines.count - 1)
        #expect(dropped > 0)
        #expect(notice == "test: \(dropped) log lines were dropped: standard error did not take them")
        #expect(lines.dropLast().enumerated().allSatisfy { $1 == "line \($0) of a log that is long" })
        output.write("after\n")
        #expect(await pipe.lines { $0 == "after" } == ["after"])
        #expect(output.flush(within: .seconds(30)))
    }

    @Test func whatWasLoggedBeforeTheEndComesOut() async throws {
        let pipe = try Pipe()
        let output = LogOutput(program: "test", descriptor: pipe.writeEnd)
        for number in 1...100 { output.write("\(number)\n") }
        #expect(output.flush(within: .seconds(30)))
        #expect(await pipe.lines { $0 == "100" }.count == 100)
    }

    @Test func aNonBlockingDescriptorLosesNothing() async throws {
        let pipe = try Pipe()
        _ = fcntl(pipe.writeEnd, F_SETFL, O_NONBLOCK)
        let output = LogOutput(program: "test", descriptor: pipe.writeEnd)
        for number in 1...5000 { output.write("\(number) of a log that is long, as all logs are\n") }
        #expect(await pipe.lines { $0.hasPrefix("5000 ") }.count == 5000)
    }
}

private final class Pipe: Sendable {
    let writeEnd: Int32
    private let readEnd: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    deinit {
        close(writeEnd)
        close(readEnd)
    }

    /// Reads whole lines until one of which `isLast` holds.
    func lines(until isLast: @escaping @Sendable (Substring) -> Bool) async -> [Substring] {
        await withCheckedContinuation { continuation in
            DispatchQueue(label: "reader").async { [readEnd] in
                var text = ""
                var chunk = [UInt8](repeating: 0, count: 4096)
                while true {
                    let count = read(readEnd, &chunk, chunk.count)
                    guard count > 0 else { break }
                    text += String(decoding: chunk.prefix(count), as: UTF8.self)
                    if text.last == "\n", text.dropLast().split(separator: "\n").last.map(isLast) == true { break }
                }
                continuation.resume(returning: text.split(separator: "\n"))
            }
        }
    }
}

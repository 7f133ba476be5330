import Glibc
import SystemPackage
import SystemSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct CommandRunnerTests {
    private let runner: ProcessCommandRunner

    init() throws {
        runner = ProcessCommandRunner(on: try EventLoop())
    }

    private func shell(
        _ script: String, _ arguments: [String] = [], deadline: Duration = .seconds(30), limit: Int = 1 << 20
    ) -> ProgramCall {
        ProgramCall(
            "/bin/sh", ["-c", script, "sh"] + arguments, environment: ["PATH": "/usr/bin:/bin"], deadline: deadline,
            outputLimit: limit)
    }

    @Test func whatACommandWritesAndHowItEndsIsTold() async {
        let result = await runner.run(shell("echo out; echo err >&2; exit 3"))
        #expect(result == ProgramResult(.exited(3), output: Array("out\n".utf8), errorOutput: Array("err\n".utf8)))
        #expect(await runner.run(shell("kill -TERM $$")).end == .signalled(SIGTERM))
    }

    @Test func argumentsAndEnvironmentArriveAsTheyAre() async {
        let result = await runner.run(shell(#"printf '%s|' "$@"; env"#, ["; rm x", "$(id)", "a\nb", "--privileged"]))
        let output = String(decoding: result.output, as: UTF8.self)
        #expect(output.hasPrefix("; rm x|$(id)|a\nb|--privileged|"))
        #expect(!output.contains("HOME="))
    }

    @Test func whatCanNotBeStartedIsAResult() async {
        let result = await runner.run(ProgramCall("/nonexistent", [], environment: [:], deadline: .seconds(5)))
        guard case .notStarted(let reason) = result.end else { return #expect(Bool(false), "\(result.end)") }
        #expect(reason.contains("No such file or directory"))
    }

    /// A child that ignores SIGTERM and outlives its parent is in the group, and ends with it.
    @Test func theDeadlineEndsTheWholeGroup() async throws {
        let result = await runner.run(
            shell("trap '' TERM; sleep 1000 & echo $!; wait", deadline: .milliseconds(300)))
        #expect(result.end == .timedOut)
        try await hasEnded(result.output)
    }

    @Test func whatIsLeftBehindInTheGroupEndsWithTheCommand() async throws {
        let result = await runner.run(shell("sleep 1000 & echo $!"))
        #expect(result.end == .exited(0))
        try await hasEnded(result.output)
    }

    @Test func cancellationEndsIt() async throws {
        let runner = self.runner
        let call = shell("sleep 1000")
        let task = Task { await runner.run(call) }
        task.cancel()
        #expect(await task.value.end == .cancelled)
    }

    @Test func tooMuchOutputEndsIt() async {
        let result = await runner.run(shell("cat /dev/zero", limit: 100_000))
        #expect(result.end == .tooMuchOutput)
        #expect(result.output.count == 100_000)
    }

    @Test func muchOutputArrivesWhole() async {
        let result = await runner.run(shell("head -c 3000000 /dev/zero", limit: 4 << 20))
        #expect(result.end == .exited(0))
        #expect(result.output.count == 3_000_000)
    }

    @Test func linesAreGivenOneAfterTheOther() async {
        let (lines, continuation) = AsyncStream.makeStream(of: OutputLine.self)
        let result = await runner.follow(
            shell("echo one; printf %5000s x; echo; printf 'two\nthree'"), longestLine: 1000
        ) { continuation.yield($0) }
        continuation.finish()
        var read: [OutputLine] = []
        for await line in lines { read.append(line) }
        #expect(result.end == .exited(0))
        #expect(read == [.text(Array("one".utf8)), .tooLong, .text(Array("two".utf8)), .text(Array("three".utf8))])
    }

    @Test func hundredsOfCommandsLeaveNothingOpen() async throws {
        let before = try ProcFS().descriptorCount(of: ProcessHandle.ownPID)
        for _ in 0..<200 { #expect(await runner.run(shell("exit 0")).end == .exited(0)) }
        // Other tests run beside this one.
        #expect(try ProcFS().descriptorCount(of: ProcessHandle.ownPID) - before < 50)
    }

    private func hasEnded(_ output: [UInt8]) async throws {
        let pid = try #require(Int32(String(decoding: output, as: UTF8.self).prefix { $0 != "\n" }))
        // Gone already, or on its way.
        guard let handle = try? ProcessHandle(pid: pid) else { return }
        try await handle.waitForEnd(on: EventLoop())
    }
}

import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What every suite relies on that starts a program.
@Suite struct ChildProcessTests {
    @Test func tellsLinesAndExitStatus() async throws {
        let child = try ChildProcess(["/bin/sh", "-c", "echo out; printf err >&2; exit 7"], output: .lines)
        var lines: [String] = []
        for await line in child.lines { lines.append(line) }
        #expect(lines == ["out", "err"])
        #expect(await child.ended() == 7 << 8)
        #expect(child.hasEnded)
    }

    @Test func passesOnNothingOfItsOwnEnvironment() async throws {
        let child = try ChildProcess(["/usr/bin/env"], environment: ["ONLY": "this"], output: .lines)
        var lines: [String] = []
        for await line in child.lines { lines.append(line) }
        #expect(lines == ["ONLY=this"])
    }

    @Test func holdsNoDescriptorOfItsParent() async throws {
        let descriptor = open("/dev/null", O_RDONLY)
        defer { close(descriptor) }
        let child = try ChildProcess(["/bin/sh", "-c", "ls -l /proc/$$/fd"], output: .lines)
        var lines: [String] = []
        for await line in child.lines { lines.append(line) }
        #expect(lines.count { $0.contains(" -> ") } == 3)
    }

    @Test func endsWithTheSignalItIsSent() async throws {
        let child = try ChildProcess(["/bin/sleep", "1000"])
        #expect(await child.end() == SIGTERM)
    }

    @Test func killsWhatIgnoresTheRequestToEnd() async throws {
        let child = try ChildProcess(
            ["/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1000; done"], output: .lines)
        for await line in child.lines where line == "ready" { break }
        #expect(await child.end(within: .milliseconds(20)) == SIGKILL)
        // Its own child is left of its process group.
        kill(-child.id, SIGKILL)
    }

    @Test func saysWhyAProgramDidNotStart() {
        #expect(throws: ChildProcessError.self) { try ChildProcess(["/nonexistent"]) }
    }
}

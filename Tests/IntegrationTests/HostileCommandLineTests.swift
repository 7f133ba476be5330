import FoundationEssentials
import TestSupport
import Testing

/// Names that try to be options or shell, given to the program itself.
@Suite struct HostileCommandLineTests {
    private static let names = [
        "--privileged", ";rm -rf x", "$(touch pwned)", "`touch pwned`", "bot\nx", String(repeating: "a", count: 4000),
        "b\u{43E}t", "bo\u{202E}t", "🤖",
    ]

    @Test(arguments: ["docker", "systemd", "launchd"]) func `Each is told in a line, all at once, and nothing is run`(
        kind: String
    ) async throws {
        try await refused(Self.names.map { "\(kind):\($0)" }, because: "only letters")
    }

    /// What a command line may hold is no harm in a text to look for: it goes to nobody.
    @Test func `For a process the same holds of what no command line shows`() async throws {
        try await refused(
            ["--privileged", "bot\nx", String(repeating: "a", count: 4000), "bo\u{202E}t"].map { "process:\($0)" },
            because: "control characters")
    }

    @Test func `In a file it is the file that is wrong`() async throws {
        try await withAgentDirectory { directory in
            let path = directory.path + "/runner.yaml"
            try #"watch: ["docker:--privileged", "systemd:$(id)", "docker:bot\nx"]"#
                .write(toFile: path, atomically: true, encoding: .utf8)
            let (lines, status) = try await run(["--config", path])
            #expect(status == 78)
            #expect(lines.count == 3, "\(lines)")
            #expect(lines.allSatisfy { $0.contains("line 1: 'watch' '") }, "\(lines)")
        }
    }

    private func refused(_ targets: [String], because reason: String) async throws {
        let (lines, status) = try await run(targets.flatMap { ["--watch", $0] })
        #expect(status == 64)
        #expect(lines.count == targets.count, "\(lines)")
        #expect(lines.allSatisfy { $0.hasPrefix("clevagent-runner: --watch '") && $0.count < 400 }, "\(lines)")
        #expect(lines.contains { $0.contains("a name may not begin with '-'") })
        #expect(lines.contains { $0.contains(reason) })
    }

    private func run(_ arguments: [String]) async throws -> (lines: [String], status: Int32) {
        let runner = try ChildProcess(
            [BuiltProgram.runner.path] + arguments + ["--api-key", "cv_12345678"],
            environment: AgentDirectory.environment, output: .lines)
        var lines: [String] = []
        for await line in runner.lines { lines.append(line) }
        return (lines, await runner.ended() >> 8)
    }
}

import FoundationEssentials
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// What a person gets who typed something wrong: everything at once, a line each, and the right exit status.
@Suite struct CommandLineTests {
    struct Wrong: Sendable, CustomTestStringConvertible {
        var arguments: [String]
        var environment: [String: String] = [:]
        var status: Int32 = 64
        var says: [String]

        var testDescription: String { arguments.joined(separator: " ") }
    }

    static let wrong: [Wrong] = [
        Wrong(arguments: [], says: ["no API key", "nothing to watch"]),
        Wrong(
            arguments: [
                "--watch", "bot", "--watch", "k8s:bot", "--watch", "process:bot.pid", "--api-key", "cv_12345678",
            ],
            says: [
                "--watch 'bot': no type", "'k8s:bot': there is no type 'k8s'",
                "'process:bot.pid': write the absolute path",
            ]
        ),
        Wrong(
            arguments: ["--watch", "process:/a/x.pid", "--watch", "process:/b/x.pid", "--api-key", "cv_12345678"],
            says: ["another target has the agent name 'x'"]),
        Wrong(
            arguments: ["--watch", "process:-x", "--watch", "process:/x\u{7}.pid", "--api-key", "cv_12345678"],
            says: ["may not begin with '-'", "control characters"]),
        Wrong(
            arguments: [
                "--watch", "process:/x.pid", "--api-key", "cv_12345678", "--heartbeat-interval", "-5", "--log-level",
                "LOUD", "--restart-policy", "sometimes", "--endpoint", "ftp://x", "--state-dir", "here",
            ],
            says: [
                "--heartbeat-interval '-5': must be a number of seconds from 1 to 86400",
                "--log-level 'LOUD': must be one of",
                "--restart-policy 'sometimes': must be one of", "--endpoint 'ftp://x': must be a URL",
                "--state-dir 'here': must be an absolute path",
            ]),
        Wrong(
            arguments: ["--watch", "process:/x.pid", "--api-key", "cv_12345678", "--endpoint", "http://example.org"],
            says: ["use https, or say --allow-http"]),
        Wrong(
            arguments: ["--watch", "process:/x.pid"], environment: ["CLEVAGENT_API_KEY": "sk-something-else"],
            says: ["CLEVAGENT_API_KEY: that is no API key"]),
        Wrong(
            arguments: ["--watch", "process:/x.pid", "--api-key-file", "/nonexistent/key"], status: 78,
            says: ["--api-key-file '/nonexistent/key': can't be read"]),
        Wrong(
            arguments: ["--watch", "process:/x.pid", "--api-key", "cv_12345678", "--config", "/nonexistent.yaml"],
            status: 78, says: ["--config '/nonexistent.yaml': there is no such file"]),
        Wrong(
            arguments: ["--watch", "process:/x.pid", "--api-key", "cv_12345678", "--state-dir", "/proc/nothing"],
            status: 78, says: ["the state directory /proc/nothing can't be used"]),
        Wrong(
            arguments: ["--watch", "launchd:com.example.bot", "--api-key", "cv_12345678"],
            says: ["--watch 'launchd:com.example.bot': launchd is macOS's: there is none on this host"]),
        Wrong(
            arguments: ["--watch", "process:/x.pid", "--api-key", "cv_12345678", "--log-tail", "-1"],
            says: ["--log-tail '-1': must be a number of lines from 0 (none) to 200"]),
        Wrong(
            arguments: ["--watch", "process:/x.pid", "--api-key", "cv_12345678"],
            environment: ["CLEVAGENT_LOG_FORMAT": "xml"],
            says: ["CLEVAGENT_LOG_FORMAT 'xml': must be one of auto, text, json, journal"]),
        Wrong(arguments: ["polkit"], says: ["nothing to watch"]),
        Wrong(
            arguments: ["polkit", "--watch", "process:/x.pid"],
            says: ["no unit of systemd is watched: give --watch systemd:NAME"]),
        Wrong(
            arguments: ["polkit", "--watch", "systemd:x", "--systemd-scope", "user"],
            says: ["units of a user's own manager need no rule"]),
        Wrong(arguments: ["polkit", "--watch", "systemd:x", "--user", ""], says: ["must be the name of a user"]),
    ]

    @Test func whatIsInForceCanBeReadBackAndHoldsNoKey() async throws {
        try await withAgentDirectory { agents in
            let first = "\(agents.path)/first.yaml"
            try Data(
                """
                endpoint: http://127.0.0.1:9
                targets:
                  "process:/run/a \\"b\\".pid": {grace: 0.5, backoff: {initial: 2, max: 20}, log-tail: 3}
                  "docker:web": {restart-policy: never}

                """.utf8
            ).write(to: URL(filePath: first))
            chmod(first, 0o600)
            func printed(_ file: String) async throws -> [String] {
                let runner = try ChildProcess(
                    [BuiltProgram.runner.path, "--print-config", "--config", file],
                    environment: AgentDirectory.environment.merging(["CLEVAGENT_API_KEY": "cv_secret_1234"]) { $1 },
                    output: .lines)
                let lines = await Array(runner.lines)
                #expect(await runner.ended() == 0)
                return lines
            }
            let lines = try await printed(first)
            #expect(lines.contains("    backoff: {initial: 2, max: 20}") && lines.contains("    restart-policy: never"))
            #expect(!lines.joined().contains("cv_secret"))
            let second = "\(agents.path)/second.yaml"
            try Data(lines.joined(separator: "\n").utf8).write(to: URL(filePath: second))
            chmod(second, 0o600)
            #expect(try await printed(second) == lines)
        }
    }

    @Test(arguments: [
        (["--nonsense"], "unknown option '--nonsense'"), (["serve", "x"], "unexpected argument 'x'"),
        (["--listen"], "missing value for '--listen <host:port>'"),
        ([String(repeating: "x", count: 5000)], "unexpected argument '\(String(repeating: "x", count: 179))…"),
    ]) func theServerTellsSuchACommandLineInOneLineToo(_ wrong: (arguments: [String], says: String)) async throws {
        let server = try ChildProcess(
            [BuiltProgram.server.path] + wrong.arguments, environment: AgentDirectory.environment, output: .lines)
        #expect(await Array(server.lines) == ["clevagent-server: \(wrong.says); see clevagent-server --help"])
        #expect(await server.ended() == 64 << 8)
    }

    static let misread: [(arguments: [String], says: String)] = [
        (["--nonsense"], "unknown option '--nonsense'"),
        (["--wach", "x"], "unknown option '--wach'. Did you mean '--watch'?"),
        (["start", "foo"], "unexpected argument 'foo'"),
        (["--watch"], "missing value for '--watch <target>'"),
        (["check", "--heartbeat-interval"], "missing value for '--heartbeat-interval <seconds>'"),
        (["--\u{1b}[2J"], "unknown option '--?[2J'"),
        (["--cv_12345678"], "unknown option '--cv_…'"),
        ([String(repeating: "x", count: 5000)], "unexpected argument '\(String(repeating: "x", count: 179))…"),
    ]

    @Test(arguments: misread) func aCommandLineThatCantBeReadIsToldInOneLine(
        _ wrong: (arguments: [String], says: String)
    ) async throws {
        let runner = try ChildProcess(
            [BuiltProgram.runner.path] + wrong.arguments, environment: AgentDirectory.environment, output: .lines)
        #expect(await Array(runner.lines) == ["clevagent-runner: \(wrong.says); see clevagent-runner --help"])
        #expect(await runner.ended() == 64 << 8)
    }

    @Test(arguments: wrong) func aWrongCommandLineIsToldWhole(_ wrong: Wrong) async throws {
        let runner = try ChildProcess(
            [BuiltProgram.runner.path] + wrong.arguments,
            environment: AgentDirectory.environment.merging(wrong.environment) { $1 }, output: .lines)
        var lines: [String] = []
        for await line in runner.lines { lines.append(line) }
        let status = await runner.ended()
        #expect(status == wrong.status << 8, "\(lines)")
        for words in wrong.says { #expect(lines.contains { $0.contains(words) }, "\(words) is not in \(lines)") }
        #expect(!lines.contains { $0.contains("cv_12345678") || $0.contains("sk-something-else") }, "a key was shown")
    }

    @Test(arguments: 5...16, ["start", "check"]) func soFewOpenFilesAreToldInOneLineBeforeAnythingIsOpened(
        limit: Int, subcommand: String
    ) async throws {
        try await withAgentDirectory { directory in
            let runner = try ChildProcess(
                [
                    "/bin/sh", "-c", "ulimit -n \(limit); exec \"$@\"", "sh", BuiltProgram.runner.path, subcommand,
                    "--watch", "process:/x.pid",
                ] + Self.toNowhere(directory), environment: AgentDirectory.environment, output: .lines)
            let lines = await Array(runner.lines)
            let status = await runner.ended()
            guard limit < 16 || subcommand == "start" else { return }
            #expect(status == 78 << 8)
            #expect(
                lines == [
                    "clevagent-runner: 1 target takes up to 49 open files, and the limit is \(limit): "
                        + "raise it (ulimit -Hn, or LimitNOFILE= in the unit)"
                ])
        }
    }

    @Test(arguments: [(50, 78), (48, 78), (51, 0)]) func tooFewOpenFilesAreToldAtTheStart(
        limit: Int, status: Int32
    ) async throws {
        try await withAgentDirectory { directory in
            let targets = (1...3).flatMap { ["--watch", "process:\(directory.pidFile(of: "\($0)"))"] }
            let runner = try ChildProcess(
                ["/bin/sh", "-c", "ulimit -n \(limit); exec \"$@\"", "sh", BuiltProgram.runner.path] + targets
                    + Self.toNowhere(directory), environment: AgentDirectory.environment, output: .lines)
            for await line in runner.lines {
                // By then it takes signals.
                if line.contains("connection refused") { runner.signal(SIGTERM) }
                guard status != 0 else { continue }
                #expect(line.contains("3 targets take up to 51 open files, and the limit is \(limit)"))
            }
            #expect(await runner.ended() == status << 8)
        }
    }

    /// In a user namespace of its own the limits can be set for the runner alone (namespaces(7), /proc/sys/user).
    @Test(
        .needsUserNamespaces,
        arguments: [
            ("max_inotify_instances", "No inotify instance"), ("max_inotify_watches", "No more inotify watches"),
        ]) func anInotifyShortageIsTold(limit: String, says: String) async throws
    {
        try await withAgentDirectory { directory in
            let runner = try ChildProcess(
                [
                    "/usr/bin/unshare", "--user", "--map-root-user", "/bin/sh", "-c",
                    "echo 0 > /proc/sys/user/\(limit); exec \"$@\"", "sh", BuiltProgram.runner.path, "--watch",
                    "process:\(directory.pidFile(of: "bot"))",
                ] + Self.toNowhere(directory), environment: AgentDirectory.environment, output: .lines)
            var told: [String] = []
            for await line in runner.lines {
                if line.contains(says) { told.append(line) }
                // By then it takes signals.
                if line.contains("connection refused") { runner.signal(SIGTERM) }
            }
            #expect(told.count == 1)
            #expect(told.first?.contains("raise fs.inotify.max_user_") == true)
            #expect(await runner.ended() == 0)
        }
    }

    private static func toNowhere(_ directory: AgentDirectory) -> [String] {
        ["--api-key", "cv_12345678", "--endpoint", "http://127.0.0.1:9", "--state-dir", directory.path + "/state"]
    }

    @Test func theHelpNamesEveryFlag() async throws {
        let runner = try ChildProcess([BuiltProgram.runner.path, "start", "--help"], output: .lines)
        var text = ""
        for await line in runner.lines { text += line + "\n" }
        #expect(await runner.ended() == 0)
        for flag in [
            "--watch", "--endpoint", "--api-key-file", "--api-key", "--heartbeat-interval", "--restart-policy",
            "--config", "--state-dir", "--log-level", "--log-format", "--allow-http",
        ] {
            #expect(text.contains("  \(flag)"))
        }
    }
}

extension Trait where Self == ConditionTrait {
    fileprivate static var needsUserNamespaces: Self {
        .enabled("makes a user namespace") {
            try await ChildProcess(["/usr/bin/unshare", "--user", "--map-root-user", "/bin/true"]).ended() == 0
        }
    }
}

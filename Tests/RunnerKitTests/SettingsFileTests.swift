import Glibc
import RunnerKit
import Supervision
import SystemPackage
import TestSupport
import Testing

/// The YAML file that people write, seen through what becomes of it.
@Suite struct SettingsFileTests {
    private func read(_ yaml: String) throws -> (settings: TargetSettings?, problems: [String]) {
        var bench = try ResolverBench()
        return try bench.settings(yaml)
    }

    private static let settings =
        "allow-http, api-key-file, ca-file, control-group, control-socket, docker-command, endpoint, "
        + "heartbeat-interval, log-format, log-level, log-tail, metrics-listen, restart-policy, state-dir, "
        + "systemd-scope, targets, watch"
    private static let targetSettings = "start, grace, backoff, user, restart-policy, log-tail"

    private func target(_ settings: String) -> String {
        "targets:\n  \"\(ResolverBench.watch)\":\n" + settings.split(separator: "\n").map { "    \($0)\n" }.joined()
    }

    // MARK: - What is right

    @Test func aFileSetsWhatItSays() throws {
        let yaml = target(
            """
            start: [/usr/bin/my-bot, --fast, "5", 5, "", 'a b']  # a comment
            grace: 2.5
            backoff: {initial: 0.5, max: 60}
            """)
        let settings = try #require(try read(yaml).settings)
        #expect(settings.start == ["/usr/bin/my-bot", "--fast", "5", "5", "", "a b"])
        #expect(settings.grace == .milliseconds(2500))
        #expect(settings.backoff == Backoff(initial: .milliseconds(500), maximum: .seconds(60)))
        #expect(settings.policy == .unlessStopped)
    }

    @Test(arguments: [(nil, 20), ("7", 7)] as [(String?, Int)]) func theLastLinesAreSetForAllAndForOne(
        flag: String?, forAll: Int
    ) throws {
        var bench = try ResolverBench()
        bench.options.logTail = flag
        #expect(try bench.settings("log-tail: 20\n").settings?.logTail == forAll)
        #expect(try bench.settings("log-tail: 20\n" + target("log-tail: 0")).settings?.logTail == 0)
        #expect(try bench.settings(target("log-tail: 5")).settings?.logTail == 5)
        #expect(
            try bench.settings(target("log-tail: 201")).problems
                == ["line 3: 'log-tail' must be a number of lines from 0 (none) to 200"])
    }

    @Test(arguments: [("user: 12", 12), ("user: root", 0), ("user: '0'", 0)] as [(String, UInt32)])
    func rootMayNameTheUserOfACommand(line: String, user: UInt32) throws {
        var bench = try ResolverBench()
        bench.user = 0
        let settings = try bench.settings(target("start: [/usr/bin/bot]\n" + line)).settings
        #expect(settings?.user == user)
    }

    @Test(
        arguments: [
            (12, "start: [/usr/bin/bot]\nuser: root", "only root can start it as user 0"),
            (12, "start: [/usr/bin/bot]\nuser: 13", "only root can start it as user 13"),
            (0, "start: [/usr/bin/bot]\nuser: 4294967295", "there is no user"),
            (0, "start: [/usr/bin/bot]\nuser: []", "'user' must be a user's name or number"),
            (0, "start: [/usr/bin/bot]\nuser: ''", "'user' must be a user's name or number"),
        ] as [(UInt32, String, String)])
    func aUserThatCannotBeIsRefused(runner: UInt32, settings: String, reason: String) throws {
        var bench = try ResolverBench()
        bench.user = runner
        let problems = try bench.settings(target(settings)).problems
        #expect(problems.count == 1)
        #expect(problems.first?.contains(reason) == true)
    }

    @Test(arguments: [
        "", "\n\n", "# only a comment\n", "targets: {}\n", "---\ntargets: {}\n...\n", "\u{FEFF}targets: {}",
    ])
    func aFileThatSaysNothingChangesNothing(yaml: String) throws {
        let (settings, problems) = try read(yaml)
        #expect(problems == [])
        #expect(settings == TargetSettings())
    }

    @Test(arguments: [
        ("grace: 0", TargetSettings(grace: .zero)), ("grace: 3600", TargetSettings(grace: .seconds(3600))),
        ("backoff: {initial: 3}", TargetSettings(backoff: Backoff(initial: .seconds(3)))),
        ("restart-policy: always", TargetSettings(policy: .always)),
        ("backoff: {max: 30}", TargetSettings(backoff: Backoff(maximum: .seconds(30)))),
        ("backoff: {}", TargetSettings()), ("{}", TargetSettings()),
        ("start:\n- /bin/bot\n- |\n  two\n  lines", TargetSettings(start: ["/bin/bot", "two\nlines\n"])),
    ])
    func whatItLeavesOutIsTheDefault(yaml: String, settings: TargetSettings) throws {
        let read = try read(target(yaml))
        #expect(read.problems == [])
        #expect(read.settings == settings)
    }

    @Test func aTargetMayBeNamedAsOnTheCommandLineWithItsAgent() throws {
        #expect(try read("targets: {'x=process:/run/bot.pid': {grace: 1}}").settings?.grace == .seconds(1))
    }

    // MARK: - What is wrong

    @Test(arguments: [
        ("- a\n- b", "line 1: the file must be a mapping with \(Self.settings)"),
        ("hello", "line 1: the file must be a mapping with \(Self.settings)"),
        ("targets:", "line 1: 'targets' must be a mapping from TYPE:NAME to settings"),
        ("targets: [a]", "line 1: 'targets' must be a mapping from TYPE:NAME to settings"),
        ("log_tail: 5", "line 1: 'log_tail' is not a setting of the file; did you mean 'log-tail'?"),
        ("foo: 1", "line 1: 'foo' is not a setting of the file"),
        (
            String(repeating: "x", count: 100) + ": 1",
            "line 1: '\(String(repeating: "x", count: 60))…' is not a setting of the file"
        ),
        ("tragets: {}", "line 1: 'tragets' is not a setting of the file; did you mean 'targets'?"),
        ("a: &x 1\nb: *x", "line 1: anchors (&name) are not taken"),
        ("targets: *x", "line 1: aliases (*name) are not taken"),
        ("targets: &x {}", "line 1: anchors (&name) are not taken"),
        ("&x targets: {}", "line 1: anchors (&name) are not taken"),
        ("targets: {}\ntargets: {}", "line 2: 'targets' stands there twice"),
        ("targets: {}\n---\ntargets: {}", "line 1: more than one document ('---')"),
        ("? [a, b]\n: c", "line 1: a key that is not a text"), ("? {a: b}\n: c", "line 1: a key that is not a text"),
    ])
    func aFileThatIsNotReadableIsToldWithItsLine(yaml: String, problem: String) throws {
        #expect(try read(yaml).problems == [problem])
    }

    @Test(arguments: [
        "targets: {", "targets: [}", "\t- x", "a: b: c", "targets:\n  a\n b: c", "'", "\"\\x\"", "@", "%", "!<",
        "a: |1x",
        "\u{0}", "\u{1}", "{{{{", "? ? ? ?", "- - -\n- :\n: -",
    ])
    func brokenTextIsToldInOneLine(yaml: String) throws {
        let problems = try read(yaml).problems
        #expect(problems.count == 1)
        #expect(problems.first?.hasPrefix("line ") == true)
    }

    @Test func bytesThatAreNoTextAreTold() throws {
        var bench = try ResolverBench()
        let path = try bench.file("runner.yaml", "")
        let file = try FileDescriptor.open(FilePath(path), .writeOnly)
        try file.closeAfter { _ = try file.writeAll([0x61, 0x3A, 0x20, 0xFF, 0xFE, 0x0A]) }
        bench.options.config = path
        #expect(bench.problems.count == 1)
        #expect(bench.problems.first?.contains("line ") == true)
    }

    @Test(arguments: ["[", "{a: ", "- ", "? "]) func deepNestingIsRefusedAndDoesNotEndTheProgram(opening: String) throws
    {
        let problems = try read("targets: " + String(repeating: opening, count: 100_000)).problems
        #expect(problems.count == 1)
    }

    @Test(arguments: [
        ("log_tail: 5", "line 3: 'log_tail' is not a setting of 'process:/run/bot.pid'; did you mean 'log-tail'?"),
        ("strat: [/bin/bot]", "line 3: 'strat' is not a setting of 'process:/run/bot.pid'; did you mean 'start'?"),
        ("Grace: 1", "line 3: 'Grace' is not a setting of 'process:/run/bot.pid'; did you mean 'grace'?"),
        ("back-off: {}", "line 3: 'back-off' is not a setting of 'process:/run/bot.pid'; did you mean 'backoff'?"),
        ("backoff: {maximum: 3}", "line 3: 'maximum' is not a setting of 'backoff'; did you mean 'max'?"),
        ("grace: 1\ngrace: 2", "line 4: 'grace' stands there twice"),
        ("5", "line 3: 'process:/run/bot.pid' must be a mapping with \(Self.targetSettings)"),
        ("[]", "line 3: 'process:/run/bot.pid' must be a mapping with \(Self.targetSettings)"),
        ("backoff: 5", "line 3: 'backoff' must be a mapping with initial, max"),
    ])
    func whatIsNoSettingIsToldWithTheNearestThatIs(settings: String, problem: String) throws {
        #expect(try read(target(settings)).problems == [problem])
    }

    @Test(arguments: [
        "\"5\"", "'5'", "five", "-1", "3601", "nan", "inf", "~", "", "true", "[5]", "{a: 5}", "5s", "1e9",
    ])
    func secondsAreANumberInTheirRange(value: String) throws {
        #expect(
            try read(target("grace: \(value)")).problems
                == ["line 3: 'grace' must be a number of seconds from 0 to 3600"])
        #expect(
            try read(target("backoff: {initial: \(value)}")).problems
                == ["line 3: 'initial' must be a number of seconds from 0 to 3600"])
    }

    @Test(arguments: [
        ("start: /bin/bot --fast", "line 3: 'start' must be a list of texts, executable first"),
        ("start: {a: b}", "line 3: 'start' must be a list of texts, executable first"),
        ("start: ~", "line 3: 'start' must be a list of texts, executable first"),
        ("start:\n- /bin/bot\n- [x]", "line 5: 'start' must be a list of texts, executable first"),
        ("start: [/bin/bot, \"a\\0b\"]", "line 3: 'start' must be a list of texts, executable first"),
        ("user: no-such-user", "line 3: 'user': there is no user 'no-such-user'"),
        ("user: -1", "line 3: 'user': there is no user '-1'"),
        ("user: [root]", "line 3: 'user' must be a user's name or number"),
        ("user: ''", "line 3: 'user' must be a user's name or number"),
        (
            "user: root",
            "line 2: 'process:/run/bot.pid': 'user' is only for process targets without a PID file, and for those with 'start'"
        ),
        ("start: []", "line 3: 'start' must begin with the absolute path of an executable"),
        ("start: [bot]", "line 3: 'start' must begin with the absolute path of an executable"),
        ("start: [./bot]", "line 3: 'start' must begin with the absolute path of an executable"),
        ("start: ['']", "line 3: 'start' must begin with the absolute path of an executable"),
    ])
    func startIsAListOfTextsWithAnExecutableFirst(settings: String, problem: String) throws {
        let problems = try read(target(settings)).problems
        #expect(problems.count == 1)
        #expect(problems.first?.hasPrefix(problem) == true)
    }

    @Test(arguments: ["sometimes", "[always]", "''", "Always"]) func aPolicyOfATargetIsOneThatThereIs(
        value: String
    ) throws {
        #expect(
            try read(target("restart-policy: \(value)")).problems
                == ["line 3: 'restart-policy' must be one of unless-stopped, on-failure, always, never"])
    }

    @Test func backoffMayNotBeginAboveItsEnd() throws {
        #expect(
            try read(target("backoff: {initial: 9, max: 8}")).problems
                == ["line 2: 'backoff' of 'process:/run/bot.pid': 'initial' must not be larger than 'max'"])
    }

    @Test func allThatIsWrongIsToldInTheOrderOfTheFile() throws {
        let yaml = """
            colour: red
            targets:
              "process:/run/bot.pid": {grace: x, start: y, stop: z}
              "process:/run/c.pid": {}
              "process:/run/b.pid": {}
              "process:/run/a.pid": {grace: -1}
            """
        let lines = try read(yaml).problems.map { String($0.prefix { $0 != ":" }) }
        #expect(lines == ["line 1", "line 3", "line 3", "line 3", "line 6", "line 4", "line 5", "line 6"])
    }

    @Test func aTargetThatIsNotWatchedIsTold() throws {
        #expect(
            try read("targets:\n  process:/run/other.pid: {}").problems == [
                "line 2: 'process:/run/other.pid' is not watched: add --watch for it, or remove it"
            ])
        #expect(
            try read("targets: {bot: {}}").problems
                == ["line 1: 'bot' is not watched: add --watch for it, or remove it"])
    }

    @Test func aTargetThatStandsThereUnderTwoNamesIsTold() throws {
        let yaml = "targets:\n  process:/run/bot.pid: {grace: 1}\n  x=process:/run/bot.pid: {grace: 2}"
        #expect(try read(yaml).problems == ["line 3: 'x=process:/run/bot.pid' stands there twice"])
    }

    @Test func manyTargetsAreReadInNoTime() throws {
        var bench = try ResolverBench()
        bench.options.watch = (0..<1000).map { "process:/run/\($0).pid" }
        let yaml = "targets:\n" + (0..<1000).map { "  process:/run/\($0).pid: {grace: \($0)}\n" }.joined()
        bench.options.config = try bench.file("runner.yaml", yaml)
        #expect(try bench.resolve().targets.map(\.settings.grace) == (0..<1000).map { .seconds($0) })
    }

    // MARK: - The file itself

    @Test func aFileThatIsNotThereIsTold() throws {
        var bench = try ResolverBench()
        let path = bench.directory.file("missing.yaml").string
        bench.options.config = path
        #expect(bench.problems == ["--config '\(path)': there is no such file"])
        bench.options.config = nil
        bench.environment["CLEVAGENT_CONFIG"] = path
        #expect(bench.problems == ["CLEVAGENT_CONFIG '\(path)': there is no such file"])
        #expect(ConfigurationProblem.exitStatus(for: bench.failure) == 78)
    }

    @Test func whatCannotBeReadAsAFileIsTold() throws {
        var bench = try ResolverBench()
        bench.options.config = bench.directory.path.string
        #expect(bench.problems == ["--config '\(bench.directory.path)': can't be read: Is a directory"])
        bench.options.config = try bench.file("huge.yaml", String(repeating: "#", count: 2 << 20))
        #expect(bench.problems.first?.hasSuffix("can't be read: File too large") == true)
    }

    @Test(arguments: [0o620, 0o602, 0o666, 0o777] as [UInt32])
    func aFileThatOthersCanWriteIsNotBelieved(permissions: UInt32) throws {
        var bench = try ResolverBench()
        let path = try bench.file("loose.yaml", target("start: [/bin/evil]"), permissions: permissions)
        bench.options.config = path
        #expect(bench.problems == ["--config '\(path)': can be written by others: chmod go-w it"])
        #expect(ConfigurationProblem.exitStatus(for: bench.failure) == 78)
    }

    @Test(.enabled(if: geteuid() == 0, "only root can give a file away"))
    func aFileThatBelongsToSomebodyElseIsNotBelieved() throws {
        var bench = try ResolverBench()
        let path = try bench.file("foreign.yaml", target("start: [/bin/evil]"), permissions: 0o644)
        #expect(chown(path, 65_534, 65_534) == 0)
        bench.options.config = path
        #expect(
            bench.problems == [
                "--config '\(path)': belongs to another user (uid 65534): it must belong to root or to you"
            ])
    }
}

import RunnerKit
import ServerLink
import Supervision
import SystemPackage
import Testing

/// A settings file in the place of flags.
@Suite struct SettingsInFileTests {
    /// A bench with nothing but a settings file.
    private func bench() throws -> ResolverBench {
        var bench = try ResolverBench()
        bench.options = RunnerOptions()
        bench.environment = ["HOME": "/home/bot"]
        return bench
    }

    @Test func aFileCanSayEverything() throws {
        var bench = try bench()
        let key = try bench.file("key", ResolverBench.key)
        bench.options.config = try bench.file(
            "runner.yaml",
            """
            endpoint: http://agents.example.org:8080
            allow-http: true
            api-key-file: \(key)
            heartbeat-interval: 7.5
            log-level: warning
            log-format: json
            log-tail: 9
            restart-policy: on-failure
            state-dir: /srv/bot
            watch: ["process:/run/a.pid", x=process:/run/b.pid]
            targets:
              process:/run/b.pid: {restart-policy: never}
              y=process:/run/c.pid: {log-tail: 0}
            """)
        let configuration = try bench.resolve()
        #expect("\(configuration.endpoint)".hasPrefix("http://agents.example.org:8080"))
        #expect(configuration.interval == .milliseconds(7500))
        #expect(configuration.logLevel == .warning)
        #expect(configuration.logFormat == .json)
        #expect(configuration.stateDirectory == "/srv/bot")
        #expect(configuration.targets.map(\.target.agent) == ["a", "x", "y"])
        #expect(configuration.targets.map(\.settings.policy) == [.onFailure, .never, .onFailure])
        #expect(configuration.targets.map(\.settings.logTail) == [9, 9, 0])
        #expect(configuration.warnings == [])
    }

    @Test func theKeyIsInAFileOfItsOwn() throws {
        var bench = try ResolverBench()
        bench.environment["CLEVAGENT_API_KEY"] = nil
        let key = try bench.file("key", ResolverBench.key)
        let path = try bench.file("runner.yaml", "api-key-file: \(key)\n")
        bench.options.config = path
        #expect(try bench.resolve().apiKey.value == ResolverBench.key)
        let (_, problems) = try bench.settings("api-key: \(ResolverBench.key)\n")
        #expect(problems.first == "line 1: 'api-key' belongs into a file of its own: say api-key-file")
        #expect(!problems.joined().contains(ResolverBench.key))
    }

    @Test func flagsBeatTheEnvironmentAndThatBeatsTheFile() throws {
        var bench = try ResolverBench()
        bench.options.watch = []
        bench.options.config = try bench.file(
            "runner.yaml", "restart-policy: never\nallow-http: no\nwatch: [process:/run/file.pid]\n")
        #expect(try bench.resolve().targets.map(\.settings.policy) == [.never])
        bench.environment["CLEVAGENT_RESTART_POLICY"] = "always"
        bench.environment["CLEVAGENT_WATCH"] = "process:/run/environment.pid"
        #expect(try bench.resolve().targets.map(\.settings.policy) == [.always])
        #expect(try bench.resolve().targets.map(\.target.agent) == ["environment"])
        bench.options.restartPolicy = "on-failure"
        bench.options.watch = ["process:/run/flag.pid"]
        #expect(try bench.resolve().targets.map(\.settings.policy) == [.onFailure])
        #expect(try bench.resolve().targets.map(\.target.agent) == ["flag"])
    }

    @Test(arguments: [
        ("log-level: loud", "line 1: 'log-level' 'loud': must be one of DEBUG, INFO, WARNING, ERROR"),
        ("\nheartbeat-interval: 0", "line 2: 'heartbeat-interval' '0': must be a number of seconds from 1 to 86400"),
        ("allow-http: maybe", "line 1: 'allow-http' 'maybe': must be true or false"),
        ("state-dir: here", "line 1: 'state-dir' 'here': must be an absolute path"),
        ("api-key-file: key", "line 1: 'api-key-file' must be an absolute path"),
        ("endpoint:", "line 1: 'endpoint' must be a text or a number"),
        ("log-level: [INFO]", "line 1: 'log-level' must be a text or a number"),
        (
            "watch: process:/run/a.pid",
            "line 1: 'watch' must be a list of targets: [\"docker:my-bot\", \"process:/run/my-bot.pid\"]"
        ),
        (
            "watch:\n- [a]",
            "line 2: 'watch' must be a list of targets: [\"docker:my-bot\", \"process:/run/my-bot.pid\"]"
        ),
        ("watch:\n- bot", "line 2: 'watch' 'bot': no type: write [AGENT=]TYPE:NAME"),
        ("targets:\n  bot: {}", "line 2: 'targets' 'bot': no type: write [AGENT=]TYPE:NAME"),
        (
            "watch: [process:/run/bot.pid, x=process:/run/bot.pid]",
            "line 1: 'watch' 'x=process:/run/bot.pid': is there twice"
        ),
    ])
    func whatIsWrongIsToldWithItsLine(yaml: String, problem: String) throws {
        var bench = try bench()
        let path = try bench.file("runner.yaml", yaml)
        bench.options.config = path
        let problems = bench.failure
        let told = try #require(problems.first { $0.description.hasPrefix("--config '\(path)': \(problem)") })
        #expect(ConfigurationProblem.exitStatus(for: [told]) == 78)
    }
}

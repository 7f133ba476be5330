import RunnerKit
import ServerLink
import Supervision
import SystemPackage
import Testing

/// Flags, environment and defaults.
@Suite struct ConfigurationResolverTests {
    // MARK: - What is right

    @Test func aCommandLineThatIsRightGivesItsValues() throws {
        var bench = try ResolverBench()
        bench.options.heartbeatInterval = "2.5"
        bench.options.logLevel = "warning"
        bench.options.logFormat = "json"
        bench.options.restartPolicy = "on-failure"
        let configuration = try bench.resolve()
        #expect(configuration.apiKey.value == ResolverBench.key)
        #expect(configuration.endpoint == "https://clevagent.example.org")
        #expect(configuration.interval == .milliseconds(2500))
        #expect(configuration.logLevel == .warning)
        #expect(configuration.logFormat == .json)
        #expect(configuration.stateDirectory == "/var/lib/bot")
        #expect(configuration.targets.map(\.target.agent) == ["bot"])
        #expect(configuration.targets.map(\.settings) == [TargetSettings(policy: .onFailure)])
        #expect(configuration.warnings == [])
    }

    @Test func whatIsNotGivenHasADefault() throws {
        var bench = try ResolverBench()
        bench.options.endpoint = nil
        let configuration = try bench.resolve()
        #expect(configuration.endpoint == "https://clevagent.io")
        #expect(configuration.interval == .seconds(30))
        #expect(configuration.logLevel == .info)
        #expect(configuration.logFormat == .auto)
        #expect(configuration.targets.map(\.settings.policy) == [.unlessStopped])
        #expect(
            configuration.warnings == ["no --endpoint was given: heartbeats and the key go to https://clevagent.io"])
    }

    @Test(arguments: [
        (Setting.interval, "7", "9"), (.logLevel, "DEBUG", "ERROR"), (.policy, "never", "always"),
        (.logTail, "5", "6"), (.endpoint, "https://a.example", "https://b.example"), (.stateDirectory, "/a", "/b"),
        (.dockerCommand, "podman", "/opt/bin/docker"), (.logFormat, "journal", "text"),
    ])
    func aFlagBeatsTheEnvironmentAndTheEnvironmentTheDefault(
        setting: Setting, first: String, second: String
    ) throws {
        func outcome(_ given: String?, _ environment: String?) throws -> String {
            var bench = try ResolverBench()
            bench.options[keyPath: setting.option] = given
            bench.environment[setting.variable] = environment
            let configuration = try bench.resolve()
            return [
                "\(configuration.interval)", configuration.logLevel.rawValue, configuration.endpoint,
                configuration.stateDirectory.string, configuration.dockerCommand,
                configuration.logFormat.rawValue,
                "\(configuration.targets.map(\.settings.policy))",
                "\(configuration.targets.map(\.settings.logTail))",
            ].joined(separator: " ")
        }
        #expect(try outcome(first, second) == outcome(first, nil))
        #expect(try outcome(nil, second) == outcome(second, nil))
        #expect(try outcome(nil, "") == outcome(nil, nil))
        #expect(try outcome(first, nil) != outcome(second, nil))
    }

    // MARK: - What is wrong

    @Test(arguments: [
        (
            Setting.interval, ["0", "0.99", "-1", "86401", "1e10", "nan", "inf", "-inf", "abc", "30s", " 30", "1,5"],
            "must be a number of seconds from 1 to 86400"
        ),
        (.logLevel, ["LOUD", "INFO ", "TRACE"], "must be one of DEBUG, INFO, WARNING, ERROR"),
        (.logFormat, ["JSON", "xml", " text"], "must be one of auto, text, json, journal"),
        (
            .policy, ["sometimes", "Always", "on_failure"],
            "must be one of unless-stopped, on-failure, always, never"
        ),
        (.logTail, ["-1", "201", "many", "1.5", " 3"], "must be a number of lines from 0 (none) to 200"),
        (.stateDirectory, ["state", "./state", "~/state"], "must be an absolute path"),
        (
            .dockerCommand, ["./docker", "bin/docker", "-H", "docker --tls"],
            "must be the name of a program (docker, podman) or its absolute path"
        ),
    ])
    func aWrongValueIsToldWithItsFlagAndWithWhatWouldBeRight(
        setting: Setting, values: [String], reason: String
    ) throws {
        for value in values {
            var bench = try ResolverBench()
            bench.options[keyPath: setting.option] = value
            #expect(bench.problems == ["\(setting.rawValue) '\(value)': \(reason)"])
            bench.options[keyPath: setting.option] = nil
            bench.environment[setting.variable] = value
            #expect(bench.problems == ["\(setting.variable) '\(value)': \(reason)"])
            #expect(ConfigurationProblem.exitStatus(for: bench.failure) == 64)
        }
    }

    @Test(arguments: Setting.allCases) func anEmptyFlagIsWrong(setting: Setting) throws {
        var bench = try ResolverBench()
        bench.options[keyPath: setting.option] = ""
        #expect(bench.problems.count == 1)
    }

    @Test func allThatIsWrongIsToldAtOnce() throws {
        var bench = try ResolverBench()
        bench.options.watch = ["bot", "k8s:bot", "process:bot.pid"]
        bench.options.endpoint = "ftp://clevagent.example.org"
        bench.options.heartbeatInterval = "often"
        bench.options.logLevel = "LOUD"
        bench.options.restartPolicy = "sometimes"
        bench.options.stateDirectory = "state"
        bench.options.apiKey = "secret"
        bench.options.config = try bench.file("wrong.yaml", "tragets: {}")
        #expect(bench.problems.count == 10)
        #expect(ConfigurationProblem.exitStatus(for: bench.failure) == 64)
    }

    @Test func nothingGivenAtAllIsToldInTwoLines() throws {
        var resolver = ConfigurationResolver(options: RunnerOptions(), environment: ["HOME": "/h"], kinds: [.process])
        #expect(throws: ConfigurationResolver.Failure.self) { try resolver.resolve() }
        #expect(resolver.problems(beginningWith: "nothing to watch: give --watch TYPE:NAME").count == 1)
        #expect(resolver.problems(beginningWith: "no API key: give --api-key-file FILE").count == 1)
    }

    @Test func aFileThatIsWrongIsAnotherExitStatusThanAFlag() throws {
        var bench = try ResolverBench()
        bench.options.config = try bench.file("wrong.yaml", "tragets: {}")
        #expect(ConfigurationProblem.exitStatus(for: bench.failure) == 78)
        bench.options.logLevel = "LOUD"
        #expect(ConfigurationProblem.exitStatus(for: bench.failure) == 64)
    }

    @Test func aMessageIsOneLineWhateverWasTyped() throws {
        var bench = try ResolverBench()
        bench.options.logLevel = "a\nb\u{1B}[2J\r\u{85}" + String(repeating: "x", count: 5000)
        let problem = try #require(bench.problems.first)
        #expect(problem.hasPrefix("--log-level 'a?b?[2J??xxx"))
        #expect(problem.count < 300)
    }

    // MARK: - State directory

    @Test(arguments: [
        (["STATE_DIRECTORY": "/var/lib/a:/var/lib/b", "XDG_STATE_HOME": "/x"], "/var/lib/a"),
        (["CLEVAGENT_STATE_DIR": "/c", "STATE_DIRECTORY": "/var/lib/a"], "/c"),
    ])
    func theStateDirectoryIsWhereTheServiceManagerSays(environment: [String: String], path: String) throws {
        var bench = try ResolverBench()
        bench.options.stateDirectory = nil
        bench.environment.merge(environment) { $1 }
        #expect(try bench.resolve().stateDirectory == FilePath(path))
    }

    // MARK: - Endpoint

    @Test(arguments: [
        ("https://clevagent.example.org", "https://clevagent.example.org"),
        ("https://clevagent.example.org/", "https://clevagent.example.org"),
        ("https://clevagent.example.org///", "https://clevagent.example.org"),
        ("https://clevagent.example.org/api/v1", "https://clevagent.example.org"),
        ("https://clevagent.example.org/api/v1/", "https://clevagent.example.org"),
        ("https://clevagent.example.org//api/v1", "https://clevagent.example.org"),
        ("https://example.org:8443/clevagent/", "https://example.org:8443/clevagent"),
        ("https://api/v1", "https://api/v1"),
        ("https://api/api/v1", "https://api"),
        ("https://10.0.0.1", "https://10.0.0.1"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://LOCALHOST", "http://LOCALHOST"),
        ("http://127.0.0.1:65535", "http://127.0.0.1:65535"),
        ("http://127.255.0.3", "http://127.255.0.3"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
    ])
    func anEndpointIsTheURLBeforeThePathOfTheProtocol(text: String, url: String) throws {
        var bench = try ResolverBench()
        bench.options.endpoint = text
        #expect(try bench.resolve().endpoint == url)
    }

    @Test(arguments: [
        "clevagent.example.org", "localhost:8080", "https://", "https:///path", "//host", "https:host", "ftp://host",
        "file:///etc/passwd", "unix:/run/x", "https://ho st", "https://host/a b", "https://höst", "https://host\n",
        "https://user@host", "https://user:secret@host", "https://host?a=b", "https://host/#a", "https://host:0",
        "https://host:65536", "https://host:x", "https://host:-1",
    ])
    func whatIsNoSuchURLIsRefused(text: String) throws {
        var bench = try ResolverBench()
        bench.options.endpoint = text
        let problems = bench.problems
        #expect(problems.count == 1)
        #expect(problems.first?.contains("must be a URL such as https://clevagent.example.org") == true)
    }

    @Test(arguments: [
        "http://clevagent.example.org", "http://10.0.0.1", "http://0.0.0.0", "http://[::2]", "http://[::]",
        "http://localhost.example.org", "http://127.example.org", "http://127.0.0.1.example.org", "http://127.0.0",
        "http://127.0.0.256", "http://127.+0.0.1", "http://127.0.0.1x", "http://128.0.0.1", "HTTP://example.org",
    ])
    func aKeyIsNotSentInTheClearToAnotherHost(text: String) throws {
        var bench = try ResolverBench()
        bench.options.endpoint = text
        #expect(
            bench.problems == [
                "--endpoint '\(text)': plain http would show the key to the network: use https, or say --allow-http"
            ])
        bench.options.allowHTTP = true
        #expect(try bench.resolve().endpoint == text)
        bench.options.allowHTTP = false
        for (value, isAllowed) in [
            ("1", true), ("true", true), ("YES", true), ("0", false), ("no", false), ("", false),
        ] {
            bench.environment["CLEVAGENT_ALLOW_HTTP"] = value
            #expect(bench.problems.isEmpty == isAllowed)
        }
    }
}

extension ConfigurationResolver {
    fileprivate func problems(beginningWith start: String) -> [String] {
        var copy = self
        do {
            _ = try copy.resolve()
            return []
        } catch {
            return error.problems.map(\.description).filter { $0.hasPrefix(start) }
        }
    }
}

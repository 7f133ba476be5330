import Glibc
import RunnerKit
import ServerLink
import SystemPackage
import TestSupport
import Testing

/// Where the API key comes from, and that it goes nowhere else.
@Suite struct ConfigurationKeyTests {
    private let key = ResolverBench.key

    private func bench(_ environment: [String: String] = [:]) throws -> ResolverBench {
        var bench = try ResolverBench()
        bench.environment = environment
        return bench
    }

    // MARK: - Where from

    @Test func aKeyOnTheCommandLineIsTakenWithAWarning() throws {
        var bench = try bench(["CLEVAGENT_API_KEY": "cv_another-key"])
        bench.options.apiKey = key
        let configuration = try bench.resolve()
        #expect(configuration.apiKey.value == key)
        #expect(configuration.warnings.count == 1)
        #expect(configuration.warnings.first?.hasPrefix("the key on the command line is visible to every user") == true)
    }

    @Test(arguments: ["%", "%\n", "%\r\n", "  %  \n\n"]) func aKeyFileHoldsTheKeyAndSpaceAroundIt(form: String) throws {
        var bench = try bench()
        bench.options.apiKeyFile = try bench.file("key", form.replacing("%", with: key))
        let configuration = try bench.resolve()
        #expect(configuration.apiKey.value == key)
        #expect(configuration.warnings == [])
    }

    @Test func theEnvironmentMayHoldTheKeyOrNameItsFile() throws {
        #expect(try bench(["CLEVAGENT_API_KEY": key]).resolve().apiKey.value == key)
        var bench = try bench()
        bench.environment = ["CLEVAGENT_API_KEY_FILE": try bench.file("key", key)]
        #expect(try bench.resolve().apiKey.value == key)
        bench.environment["CLEVAGENT_API_KEY"] = ""
        #expect(try bench.resolve().apiKey.value == key)
    }

    @Test func theServiceManagersCredentialIsTakenWhenNothingElseIsGiven() throws {
        var bench = try bench()
        // systemd shows credentials to this user only, whatever their mode says.
        _ = try bench.file("api-key", key, permissions: 0o440)
        bench.environment = ["CREDENTIALS_DIRECTORY": bench.directory.path.string]
        let configuration = try bench.resolve()
        #expect(configuration.apiKey.value == key)
        #expect(configuration.warnings == [])
        bench.options.apiKeyFile = try bench.file("key", "cv_another-key")
        #expect(try bench.resolve().apiKey.value == "cv_another-key")
    }

    @Test func aKeyAndAFileForItAreOneTooMany() throws {
        var bench = try bench()
        bench.options.apiKey = key
        bench.options.apiKeyFile = try bench.file("key", key)
        #expect(bench.problems == ["--api-key and --api-key-file: give one of the two"])
        #expect(ConfigurationProblem.exitStatus(for: bench.failure) == 64)
    }

    @Test func noKeyAtAllIsToldWithTheWaysToGiveOne() throws {
        let problems = try bench().problems
        #expect(problems.count == 1)
        #expect(problems.first?.hasPrefix("no API key: give --api-key-file FILE, or set CLEVAGENT_API_KEY") == true)
    }

    // MARK: - What is wrong

    @Test(arguments: [
        "", "cv_", "CV_0123456789", "sk-0123456789abcdef", "cv_0123 456789", "cv_0123456789\n",
        "cv_012345\u{1B}6789", "cv_0123456789é", "cv_" + String(repeating: "a", count: 198), "Bearer cv_0123456789",
    ])
    func whatIsNoKeyIsRefusedAndNotShown(wrong: String) throws {
        var bench = try bench()
        bench.options.apiKey = wrong
        #expect(bench.problems == ["--api-key: that is no API key: it begins with cv_ and has no spaces"])
        #expect(ConfigurationProblem.exitStatus(for: bench.failure) == 64)
        if !wrong.isEmpty {
            bench.options.apiKey = nil
            bench.environment["CLEVAGENT_API_KEY"] = wrong
            #expect(bench.problems == ["CLEVAGENT_API_KEY: that is no API key: it begins with cv_ and has no spaces"])
        }
    }

    @Test(arguments: [
        "", "\n", "secret-but-wrong", "cv_0123456789abcdef\ncv_fedcba9876543210", "api_key: cv_0123456789abcdef",
        "\u{FEFF}cv_0123456789abcdef", "cv_0123456789\u{0}abcdef",
    ])
    func aKeyFileWithAnythingElseIsRefusedAndNotShown(content: String) throws {
        var bench = try bench()
        let path = try bench.file("key", "")
        let file = try FileDescriptor.open(FilePath(path), .writeOnly)
        try file.closeAfter { _ = try file.writeAll(Array(content.utf8)) }
        bench.options.apiKeyFile = path
        #expect(
            bench.problems == [
                "--api-key-file '\(path)': that is no API key: it begins with cv_ and has no spaces"
            ])
        #expect(ConfigurationProblem.exitStatus(for: bench.failure) == 78)
    }

    @Test func aKeyFileThatCannotBeReadIsToldWithTheReason() throws {
        var bench = try bench()
        let missing = bench.directory.file("missing").string
        bench.options.apiKeyFile = missing
        #expect(bench.problems == ["--api-key-file '\(missing)': can't be read: No such file or directory"])
        #expect(ConfigurationProblem.exitStatus(for: bench.failure) == 78)
        bench.options.apiKeyFile = bench.directory.path.string
        #expect(bench.problems == ["--api-key-file '\(bench.directory.path)': can't be read: Is a directory"])
        bench.options.apiKeyFile = try bench.file("huge", String(repeating: "x", count: 100_000))
        #expect(bench.problems.first?.hasSuffix("can't be read: File too large") == true)
    }

    @Test func aKeyFileThatIsAPipeWithNobodyAtItsEndHoldsNothingUp() throws {
        var bench = try bench()
        let path = bench.directory.file("pipe").string
        #expect(mkfifo(path, 0o600) == 0)
        bench.options.apiKeyFile = path
        #expect(bench.problems.count == 1)
    }

    @Test(arguments: [0o644, 0o640, 0o604, 0o660] as [UInt32])
    func aKeyFileThatOthersCanReadIsTakenWithAWarning(permissions: UInt32) throws {
        var bench = try bench()
        let path = try bench.file("key", key, permissions: permissions)
        bench.options.apiKeyFile = path
        #expect(try bench.resolve().warnings == ["\(path) can be read by other users: chmod 600 it"])
    }

    // MARK: - Never shown

    @Test(arguments: Setting.allCases) func aKeyThatWasTypedInTheWrongPlaceIsNotShown(setting: Setting) throws {
        for value in [key, "https://\(key)@host", "http://example.org/?key=\(key)", "api_key=\(key)"] {
            var bench = try bench(["CLEVAGENT_API_KEY": key])
            bench.options[keyPath: setting.option] = value
            let problems = bench.problems
            #expect(!problems.isEmpty)
            #expect(!problems.joined().contains("0123456789"))
        }
    }

    @Test(arguments: ["%", "process:%", "%=process:relative.pid", "%:bot", "bot:%", "process:/run/%\n.pid"])
    func aKeyThatWasTypedAsATargetIsNotShown(form: String) throws {
        var bench = try bench(["CLEVAGENT_API_KEY": key])
        bench.options.watch = [form.replacing("%", with: key)]
        let problems = bench.problems
        #expect(!problems.isEmpty)
        #expect(!problems.joined().contains("0123456789"))
    }

    @Test func aKeyInTheSettingsFileIsNotShown() throws {
        var bench = try bench(["CLEVAGENT_API_KEY": key])
        for yaml in [
            "api_key: \(key)", "\(key): 1", "targets: {\(key): {}}", "targets: {'process:/run/bot.pid': {\(key): 1}}",
        ] {
            let problems = try bench.settings(yaml).problems
            #expect(!problems.isEmpty)
            #expect(!problems.joined().contains("0123456789"))
        }
    }

    @Test func aSecretIsInNoDescriptionAndNoDump() throws {
        let configuration = try bench(["CLEVAGENT_API_KEY": key]).resolve()
        var text = "\(configuration) \(configuration.apiKey) \(String(reflecting: configuration))"
        dump(configuration, to: &text)
        #expect(!text.contains(key))
    }
}

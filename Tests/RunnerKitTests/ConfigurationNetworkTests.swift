import RunnerKit
import ServerLink
import SystemPackage
import TestSupport
import Testing

/// Whom the runner believes, and through whom it reaches its server.
@Suite struct ConfigurationNetworkTests {
    // MARK: - Proxies

    @Test(
        arguments: [
            (["HTTPS_PROXY": "http://proxy.example:3128"], "proxy.example:3128"),
            (["https_proxy": "proxy.example:3128"], "proxy.example:3128"),
            (["https_proxy": "http://a.example:1", "HTTPS_PROXY": "http://b.example:2"], "a.example:1"),
            (["https_proxy": "", "HTTPS_PROXY": "http://b.example:2"], nil),
            (["HTTP_PROXY": "http://proxy.example:3128"], nil),
            (["HTTPS_PROXY": "http://bot:sesame@proxy.example:3128/"], "proxy.example:3128"),
            (["HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "example.org"], nil),
            (["HTTPS_PROXY": "http://proxy.example:3128", "no_proxy": "other.org"], "proxy.example:3128"),
            ([:], nil),
        ] as [([String: String], String?)])
    func aProxyComesFromTheEnvironment(variables: [String: String], proxy: String?) throws {
        var bench = try ResolverBench()
        bench.environment.merge(variables) { $1 }
        let found = try bench.resolve().proxy
        #expect(found.map { "\($0)" } == proxy)
        #expect(found?.hasCredentials ?? false == (variables["HTTPS_PROXY"]?.contains("sesame") ?? false))
    }

    @Test(
        arguments: [
            ("http://127.0.0.1:8080", nil), ("http://localhost", nil), ("http://[::1]:8080", nil),
            ("http://clevagent.example.org", "plain.example:3128"),
        ] as [(String, String?)])
    func thisHostIsReachedWithout(endpoint: String, proxy: String?) throws {
        var bench = try ResolverBench()
        bench.options.endpoint = endpoint
        bench.options.allowHTTP = true
        bench.environment["HTTP_PROXY"] = "http://plain.example:3128"
        bench.environment["HTTPS_PROXY"] = "http://proxy.example:3128"
        #expect(try bench.resolve().proxy.map { "\($0)" } == proxy)
    }

    @Test(arguments: [
        ("example.org", "clevagent.example.org", true), (".example.org", "clevagent.example.org", true),
        ("example.org", "example.org", true), (".example.org", "example.org", true),
        ("example.org", "notexample.org", false), ("EXAMPLE.ORG.", "clevagent.example.org", true),
        ("a, b\texample.org", "example.org", true), ("*", "anything", true), ("", "anything", false),
        (",", "anything", false), (".", "anything", false), ("*.org", "example.org", false),
        ("10.0.0.0/8", "10.9.8.7", true), ("10.0.0.0/8", "11.9.8.7", false), ("10.1.2.3", "10.1.2.3", true),
        ("10.1.2.0/23", "10.1.3.255", true), ("10.1.2.0/23", "10.1.4.0", false), ("0.0.0.0/0", "1.2.3.4", true),
        ("10.0.0.0/99", "10.0.0.0", false), ("10.0.0.0/x", "10.0.0.0", false), ("fd00::/8", "[fd12::1]", true),
        ("[fd12::1]", "fd12::1", true), ("fd00::/8", "fe80::1", false), ("10.0.0.0/8", "name.example", false),
        ("2.3.4", "1.2.3.4", false),
    ])
    func exceptionsAreReadAsCurlDoes(list: String, host: String, isListed: Bool) throws {
        var bench = try ResolverBench()
        bench.options.endpoint = host.contains(":") && !host.hasPrefix("[") ? "https://[\(host)]" : "https://\(host)"
        bench.environment["HTTPS_PROXY"] = "http://proxy.example:3128"
        bench.environment["NO_PROXY"] = list
        #expect(try (bench.resolve().proxy == nil) == isListed)
    }

    @Test(arguments: [
        "http://", "http://proxy.example", "http://bot:sesame@proxy.example", "socks5://bot:sesame@proxy.example:1080",
        "https://bot:sesame@proxy.example:3128", "http://bot:sesame@proxy.example:0", "http://bot:ses ame@p:1",
    ])
    func aProxyThatIsNoneIsToldWithoutItsCredentials(value: String) throws {
        var bench = try ResolverBench()
        bench.environment["HTTPS_PROXY"] = value
        let problems = bench.problems
        #expect(problems.count == 1)
        #expect(problems.first?.hasPrefix("HTTPS_PROXY: must be a URL such as http://proxy.example.org:3128") == true)
        #expect(problems.first?.contains("ses") == false && problems.first?.contains("bot") == false)
    }

    // MARK: - Authorities

    @Test func authoritiesComeFromFlagEnvironmentAndFile() async throws {
        let authority = try await TestAuthority()
        var bench = try ResolverBench()
        #expect(try bench.resolve().trustRoots == nil)
        let config = try bench.file("ca.yaml", "ca-file: \(authority.certificate)\n")
        bench.options.config = config
        #expect(try bench.resolve().trustRoots != nil)
        bench.environment["CLEVAGENT_CA_FILE"] = "/nowhere/environment.pem"
        #expect(bench.problems == ["CLEVAGENT_CA_FILE '/nowhere/environment.pem': there is no such file"])
        bench.options.caFile = authority.certificate.string
        #expect(try bench.resolve().trustRoots != nil)
    }

    @Test func aFileOfAuthoritiesThatIsNoneIsRefused() throws {
        var bench = try ResolverBench()
        for (text, words) in [("", "is empty"), ("hello\n", "holds no certificate")] {
            bench.options.caFile = try bench.file("ca.pem", text)
            let failure = #expect(throws: ConfigurationResolver.Failure.self) { try bench.resolve() }
            let problems = failure?.problems ?? []
            #expect(problems.count == 1)
            #expect(problems.first?.description.contains("ca.pem': \(words)") == true)
            #expect(ConfigurationProblem.exitStatus(for: problems) == 78)
        }
        for path in [bench.directory.path.string, "/dev/null/x"] {
            bench.options.caFile = path
            #expect(bench.problems.first?.hasPrefix("--ca-file '\(path)': can't be read: ") == true)
        }
    }

    @Test func aFileOfAuthoritiesInTheSettingsIsToldWithItsPlace() throws {
        var bench = try ResolverBench()
        let config = try bench.file("ca.yaml", "\nca-file: /nowhere.pem\n")
        bench.options.config = config
        #expect(bench.problems == ["--config '\(config)': line 2: 'ca-file' '/nowhere.pem': there is no such file"])
        bench.options.config = try bench.file("relative.yaml", "ca-file: ca.pem\n")
        #expect(bench.problems.first?.hasSuffix("line 1: 'ca-file' must be an absolute path") == true)
    }
}

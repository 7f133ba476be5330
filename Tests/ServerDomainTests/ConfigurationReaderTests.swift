import ServerDomain
import Testing

@Suite struct ConfigurationReaderTests {
    private func read(
        _ environment: [String: String] = ["HOME": "/home/u"], isRoot: Bool = false,
        _ change: (inout ConfigurationReader.Flags) -> Void = { _ in }
    ) -> (ServingConfiguration?, [ConfigurationReader.Problem]) {
        var flags = ConfigurationReader.Flags()
        change(&flags)
        var reader = ConfigurationReader(environment: environment, isRoot: isRoot)
        let configuration = reader.read(flags)
        return (configuration, reader.problems)
    }

    @Test func `Alone it serves on loopback with a file in the state directory`() {
        let (configuration, problems) = read()
        #expect(problems == [])
        #expect(configuration?.listen.text == "127.0.0.1:8080")
        #expect(configuration?.stateDirectory == "/home/u/.local/state/clevagent-server")
        #expect(configuration?.databasePath == "/home/u/.local/state/clevagent-server/clevagent.sqlite")
        #expect(configuration?.requestsPerMinute == 10_000)
        #expect(configuration?.logFormat == "auto")
    }

    @Test(
        arguments: [
            (["HOME": "/h", "XDG_STATE_HOME": "/x"], false, "/x/clevagent-server"),
            (["HOME": "/h"], true, "/var/lib/clevagent-server"),
            (["STATE_DIRECTORY": "/var/lib/a:/var/lib/b"], true, "/var/lib/a"),
            (["STATE_DIRECTORY": "/var/lib/a", "CLEVAGENT_STATE_DIR": "/srv"], true, "/srv"),
        ] as [([String: String], Bool, String)])
    func `The state directory is found`(environment: [String: String], isRoot: Bool, path: String) {
        #expect(read(environment, isRoot: isRoot).0?.stateDirectory == path)
    }

    @Test func `A flag wins over the environment`() {
        let environment = [
            "HOME": "/h", "CLEVAGENT_LISTEN": "127.0.0.1:1", "CLEVAGENT_LOG_LEVEL": "debug",
            "CLEVAGENT_LOG_FORMAT": "json",
        ]
        let (configuration, _) = read(environment) { $0.listen = "[::1]:2" }
        #expect(configuration?.listen.text == "[::1]:2")
        #expect(configuration?.logLevel == "debug")
        #expect(configuration?.logFormat == "json")
    }

    @Test func `All wrong values are told at once, each in one line with what would be right`() {
        let (configuration, problems) = read(["HOME": "/h", "CLEVAGENT_RATE_LIMIT": "many"]) { flags in
            flags.listen = "8080"
            flags.database = "postgres://db"
            flags.publicURL = "agents.example.com"
            flags.tlsKey = "/k.pem"
            flags.logLevel = "loud"
            flags.logFormat = "xml"
        }
        #expect(configuration == nil)
        let starts = ["--listen: “8080”", "--database: “postgres", "--public-url: “agents", "--tls-key: “/k.pem”"]
        let rest = ["CLEVAGENT_RATE_LIMIT: “many”", "--log-level: “loud”", "--log-format: “xml”"]
        #expect(problems.count == 7)
        for (problem, start) in zip(problems, starts + rest) {
            #expect(problem.line.hasPrefix(start))
            #expect(!problem.line.contains("\n"))
        }
        #expect(problems.map(\.isFlag) == [true, true, true, true, false, true, true])
    }

    @Test(
        arguments: [
            (nil, nil, false, false), ("https://a.example", nil, false, true), ("http://a.example", nil, false, false),
            (nil, "/c", false, true), (nil, nil, true, true),
        ] as [(String?, String?, Bool, Bool)])
    func `Other hosts are served only with TLS somewhere or with an explicit word`(
        url: String?, certificate: String?, allowsHTTP: Bool, isFine: Bool
    ) {
        let (configuration, problems) = read { flags in
            flags.listen = "0.0.0.0:8080"
            flags.publicURL = url
            flags.tlsCertificate = certificate
            flags.tlsKey = certificate
            flags.allowsHTTP = allowsHTTP
        }
        #expect((configuration != nil) == isFine)
        #expect(problems.count == (isFine ? 0 : 1))
    }

    @Test(arguments: [
        "", "8080", ":8080", "host:", "host:x", "host:65536", "host:-1", "::1:80", "a b:80", "http://h:80", "h:+80",
    ])
    func `Nonsense is no address`(text: String) {
        #expect(ListenAddress(text) == nil)
    }
}

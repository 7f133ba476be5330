import ArgumentParser
import ServerDomain

/// Serves until it is told to stop.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve the API and the dashboard (what happens without a subcommand).")

    @Option(
        help: ArgumentHelp(
            "The address to serve on; port 0 takes a free one and tells it. [CLEVAGENT_LISTEN; default: 127.0.0.1:8080]",
            valueName: "host:port"))
    var listen: String?

    @OptionGroup var store: StoreOptions

    @Option(
        name: .customLong("public-url"),
        help: ArgumentHelp(
            """
            The address that people and runners use, when a proxy or another name is in between, for instance \
            https://agents.example.com. [CLEVAGENT_PUBLIC_URL]
            """, valueName: "url"))
    var publicURL: String?

    @Option(
        name: .customLong("tls-cert"),
        help: ArgumentHelp(
            "A PEM file with the certificate chain, to speak TLS without a proxy. [CLEVAGENT_TLS_CERT]",
            valueName: "file"))
    var tlsCertificate: String?

    @Option(
        name: .customLong("tls-key"),
        help: ArgumentHelp("The PEM file with its private key. [CLEVAGENT_TLS_KEY]", valueName: "file"))
    var tlsKey: String?

    @Flag(
        name: .customLong("allow-http"),
        help: """
            Serve other hosts without TLS: keys and sessions travel readable. Only for a network you trust. \
            [CLEVAGENT_ALLOW_HTTP=1]
            """)
    var allowsHTTP = false

    @Option(
        name: .customLong("rate-limit"),
        help: ArgumentHelp(
            """
            Requests a minute and key; up to twice that at once, polls for commands are free; 0 lifts it. \
            [CLEVAGENT_RATE_LIMIT; default: 10000]
            """, valueName: "number"))
    var rateLimit: String?

    @Option(
        name: .customLong("log-level"),
        help: ArgumentHelp(
            """
            What is logged to standard error: trace, debug, info, notice, warning, error or critical. \
            [CLEVAGENT_LOG_LEVEL; default: notice]
            """, valueName: "level"))
    var logLevel: String?

    @Option(
        name: .customLong("log-format"),
        help: ArgumentHelp(
            """
            How it is logged: text, a line each on standard error; json, an object a line there; journal, entries of \
            systemd's journal, with fields for metadata; auto, to the journal under systemd, else text. \
            [CLEVAGENT_LOG_FORMAT; default: auto]
            """, valueName: "format"))
    var logFormat: String?

    func run() async throws {
        var flags = store.flags
        flags.listen = listen
        flags.publicURL = publicURL
        flags.tlsCertificate = tlsCertificate
        flags.tlsKey = tlsKey
        flags.allowsHTTP = allowsHTTP
        flags.rateLimit = rateLimit
        flags.logLevel = logLevel
        flags.logFormat = logFormat
        var reader = ConfigurationReader.ofThisProcess()
        guard let configuration = reader.read(flags) else { throw Failure.report(reader.problems) }
        try await Failure.catching { try await ServerProcess(configuration).run() }
    }
}

import ArgumentParser
import FoundationEssentials
import Logging
import NIOCore
import NIOPosix
import ProgramLog
import RunnerKit
import SystemSupport
import WatcherAPI
import WireProtocol

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

struct StartCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start",
        abstract: "Watch the given targets until told to stop (the default).",
        discussion: """
            Every flag can also be set in the environment: --heartbeat-interval is \
            CLEVAGENT_HEARTBEAT_INTERVAL, and so on; CLEVAGENT_WATCH holds one target a line. Flags \
            beat the environment.

            HTTPS_PROXY or HTTP_PROXY (http://[USER:PASSWORD@]HOST:PORT) names a proxy to reach the \
            server through, unless NO_PROXY lists the server; this host itself is reached without.

            Exit status: 0 after SIGTERM or SIGINT, 64 when a flag or a variable is wrong, 78 when a \
            file or the host is not as it should be.
            """)

    @Option(
        help: ArgumentHelp(
            "What to watch: [AGENT=]TYPE:NAME. Repeatable.",
            discussion: """
                process:/run/my-bot.pid watches the process named in that PID file, as agent 'my-bot'; \
                trader=process:/run/my-bot.pid calls it 'trader'. process:my-bot.py watches the process with \
                that text in its command line; process:match:TEXT and process:pidfile:PATH say it outright. \
                docker:my-bot watches the container of that name.
                """, valueName: "target"))
    var watch: [String] = []

    @Option(help: ArgumentHelp("The server: the URL before /api/v1.", valueName: "url"))
    var endpoint: String?

    @Option(help: ArgumentHelp("A file that holds the API key; keep it at mode 0600.", valueName: "file"))
    var apiKeyFile: String?

    @Option(
        help: ArgumentHelp(
            "The API key itself (cv_…). Other users of this host can see it: prefer --api-key-file.", valueName: "key"))
    var apiKey: String?

    @Option(help: ArgumentHelp("How often everything is reported; changes go out at once.", valueName: "seconds"))
    var heartbeatInterval: String?

    @Option(
        help: ArgumentHelp(
            "When an ended target is started again.",
            discussion: """
                unless-stopped (the default): after every end except a deliberate one. \
                on-failure: not after exit 0 or 78. always: also after deliberate stops by others. never.
                """, valueName: "policy"))
    var restartPolicy: String?

    @Option(
        help: ArgumentHelp(
            "Settings for single targets, in YAML: start, grace, backoff, user (default: /etc/clevagent/runner.yaml if it exists).",
            valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Where the runner keeps what must survive it.", valueName: "directory"))
    var stateDir: String?

    @Option(help: ArgumentHelp("DEBUG, INFO, WARNING or ERROR.", valueName: "level"))
    var logLevel: String?

    @Option(
        help: ArgumentHelp(
            "Certificates in PEM of the authorities that the server's certificate may come from, in place of the system's.",
            valueName: "file"))
    var caFile: String?

    @Option(
        help: ArgumentHelp(
            "How many of a target's last log lines follow its death to the server, secrets masked (0 to 200).",
            valueName: "lines"))
    var logTail: String?

    @Option(
        help: ArgumentHelp(
            "The client for docker: targets, by name or absolute path (default: docker).", valueName: "program"))
    var dockerCommand: String?

    @Flag(help: "Allow http:// to another host: the key is then visible to the network.")
    var allowHTTP = false

    func run() throws {
        // All that does not block runs on the first, what may block for a moment on the second.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = try SystemSupport.EventLoop()
        let options = self.options
        try GlobalTasks.run(on: group.next()) { try await Self.supervise(options, group, loop) }
    }

    private static func supervise(
        _ options: RunnerOptions, _ group: any EventLoopGroup, _ loop: SystemSupport.EventLoop
    ) async throws {
        let openFiles = OpenFileLimit.raise()
        var resolver = ConfigurationResolver(
            options: options, environment: Host.environment, kinds: builtInKinds)
        let configuration: RunnerConfiguration
        do {
            configuration = try resolver.resolve()
        } catch {
            for problem in error.problems { Host.complain(problem.description) }
            throw ExitCode(ConfigurationProblem.exitStatus(for: error.problems))
        }
        let registry = makeBuiltInRegistry(configuration, openFileLimit: openFiles, loop: loop)
        if let needed = openFiles.shortage(targets: configuration.targets.count) {
            Host.complain(
                "\(configuration.targets.count) targets take up to \(needed) open files, and the limit is "
                    + "\(openFiles.available): raise it (ulimit -Hn, or LimitNOFILE= in the unit)")
            throw ExitCode(78)
        }
        let log = LogOutput(program: "clevagent-runner")
        defer { log.flush(within: .seconds(1)) }
        LoggingSystem.bootstrap { StreamLogHandler(label: $0, stream: log) }
        var logger = Logger(label: "clevagent-runner")
        logger.logLevel = configuration.logLevel.loggerLevel
        for warning in configuration.warnings { logger.warning("\(warning)") }

        // A terminal that goes away, or a log reader that ends, must not end the supervision.
        signal(SIGHUP, SIG_IGN)
        signal(SIGPIPE, SIG_IGN)
        let (stops, stop) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let signals = try SignalWatch([SIGTERM, SIGINT], on: loop) { stop.yield() }
        defer { withExtendedLifetime(signals) {} }
        do {
            let state = try StateDirectory(at: configuration.stateDirectory, logger: logger)
            try await Runner(
                configuration: configuration, registry: registry, state: state, host: try Host.facts(),
                group: group, stops: stops, clock: BootClock(sleepingOn: loop), civilTime: { WireTime(Date()) },
                logger: logger
            ).run()
        } catch let error as StateDirectoryError {
            Host.complain(error.description)
            throw ExitCode(78)
        }
    }

    private var options: RunnerOptions {
        var options = RunnerOptions()
        options.apiKey = apiKey
        options.apiKeyFile = apiKeyFile
        options.watch = watch
        options.endpoint = endpoint
        options.heartbeatInterval = heartbeatInterval
        options.logLevel = logLevel
        options.restartPolicy = restartPolicy
        options.config = config
        options.stateDirectory = stateDir
        options.caFile = caFile
        options.dockerCommand = dockerCommand
        options.allowHTTP = allowHTTP
        options.logTail = logTail
        return options
    }
}

extension RunnerConfiguration.LogLevel {
    fileprivate var loggerLevel: Logger.Level {
        switch self {
        case .debug: .debug
        case .info: .info
        case .warning: .warning
        case .error: .error
        }
    }
}

import ArgumentParser
import ControlSocket
import FoundationEssentials
import Logging
import NIOCore
import ProgramLog
import RunnerKit
import ServiceLifecycle
import ServiceNotification
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

            SIGHUP, or clevagent-runner reload, has the settings file read again.

            Exit status: 0 after SIGTERM or SIGINT, 64 when a flag or a variable is wrong, 75 when another \
            runner of this host watches one of the processes or has the original of this state directory, 78 when a \
            file or the host is not as it should be.
            """)

    @OptionGroup var flags: RunnerFlags

    @Flag(help: "Write what is in force, in the form of a settings file and without the key, and end.")
    var printConfig = false

    func run() throws {
        Host.ignoreSignals()
        let options = flags.options
        if printConfig { return try ControlFlags.write(RunnerFlags.resolve(options).settingsFile, terminator: "") }
        try Host.run { try await Self.supervise(options, $0, $1, $2) }
    }

    private static func supervise(
        _ options: RunnerOptions, _ group: any EventLoopGroup, _ loop: SystemSupport.EventLoop,
        _ openFiles: OpenFileLimit
    ) async throws {
        let configuration = try RunnerFlags.resolve(options)
        let registry = makeBuiltInRegistry(configuration, openFileLimit: openFiles, loop: loop)
        guard openFiles.needed(targets: configuration.targets.count) <= openFiles.available else {
            Host.complain(openFiles.complaint(targets: configuration.targets.count))
            throw ExitCode(78)
        }
        let log = LogOutput(
            program: "clevagent-runner",
            format: LogFormat(configuration.logFormat.rawValue, environment: Host.environment))
        defer { log.flush(within: .seconds(1)) }
        LoggingSystem.bootstrap { OutputLogHandler(label: $0, output: log) }
        var logger = Logger(label: "clevagent-runner")
        logger.logLevel = configuration.logLevel.loggerLevel
        for warning in configuration.warnings { logger.warning("\(warning)") }

        let (reloads, reload) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let (stops, stop) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let signals = try SignalWatch([SIGTERM, SIGINT], on: loop) { stop.yield() }
        let hangups = try SignalWatch([SIGHUP], on: loop) { reload.yield() }
        defer { withExtendedLifetime((signals, hangups)) {} }
        do {
            let state = try StateDirectory(at: configuration.stateDirectory, logger: logger)
            let host = try Host.facts()
            let identity = await state.identity(machine: Host.machineID(hostname: host.name))
            let claims = try TargetClaims.take(configuration, runnerID: identity.id, logger: logger)
            defer { withExtendedLifetime(claims) {} }
            try await Runner(
                configuration: configuration, registry: registry, state: state, identity: identity, host: host,
                group: group, stops: stops, reloads: reloads,
                read: {
                    RunnerFlags.read(options).flatMap { new in
                        let problems = openFiles.problems(new) + (claims?.adopt(new) ?? [])
                        return problems.isEmpty ? .success(new) : .failure(.init(problems: problems))
                    }
                },
                serviceManager: ServiceNotification(environment: Host.environment, processID: getpid()),
                clock: BootClock(sleepingOn: loop), civilTime: { WireTime(Date()) },
                logger: logger
            ) { [logger] desk in
                var surfaces: [any Service] = []
                if let path = configuration.controlSocket {
                    surfaces.append(
                        ControlService(
                            .init(
                                path: path, readingGroup: Account.group(named: Host.readingGroup),
                                actingGroup: configuration.controlGroup),
                            desk: desk, group: group, logger: logger))
                }
                if let address = configuration.metricsListen {
                    surfaces.append(MetricsService(address, desk: desk, group: group, logger: logger))
                }
                return surfaces
            }.run()
        } catch let error as StateDirectoryError {
            Host.complain(error.description)
            throw ExitCode(78)
        }
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

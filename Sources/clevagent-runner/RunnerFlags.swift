import ArgumentParser
import RunnerKit

/// The flags that say what is watched and how: the same for every subcommand that needs them.
struct RunnerFlags: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What to watch: [AGENT=]TYPE:NAME. Repeatable.",
            discussion: """
                process:/run/my-bot.pid watches the process named in that PID file, as agent 'my-bot'; \
                trader=process:/run/my-bot.pid calls it 'trader'. process:my-bot.py watches the process with \
                that text in its command line; process:match:TEXT and process:pidfile:PATH say it outright. \
                docker:my-bot watches the container of that name, systemd:my-bot.service a unit of systemd.
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

    // `-5` is a wrong value, not another flag.
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How often everything is reported; changes go out at once.", valueName: "seconds"))
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
            "How the log is written.",
            discussion: """
                auto (the default): to the journal under systemd, else as text. text: a line each on standard error. \
                json: an object a line there. journal: entries of systemd's journal, with fields such as \
                CLEVAGENT_TARGET.
                """, valueName: "format"))
    var logFormat: String?

    @Option(
        help: ArgumentHelp(
            "Certificates in PEM of the authorities that the server's certificate may come from, in place of the system's.",
            valueName: "file"))
    var caFile: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "How many of a target's last log lines follow its death to the server, secrets masked (0 to 200).",
            valueName: "lines"))
    var logTail: String?

    @Option(
        help: ArgumentHelp(
            "The client for docker: targets, by name or absolute path (default: docker).", valueName: "program"))
    var dockerCommand: String?

    @Option(
        help: ArgumentHelp(
            "Whose units systemd:NAME means: of the system (the default), or of this user's own manager.",
            valueName: "system|user"))
    var systemdScope: String?

    @Option(
        help: ArgumentHelp(
            "Where operators of this host are answered (status, restart, pause, …), or off.",
            valueName: "path|off"))
    var controlSocket: String?

    @Option(
        help: ArgumentHelp(
            "The group whose members may restart, stop and pause there, beside root and the runner's own user.",
            valueName: "group"))
    var controlGroup: String?

    @Option(
        help: ArgumentHelp(
            "Where GET /metrics answers Prometheus, for instance 127.0.0.1:9464, or off (the default); whoever reaches the port may read.",
            valueName: "host:port"))
    var metricsListen: String?

    @Flag(help: "Allow http:// to another host: the key is then visible to the network.")
    var allowHTTP = false

    /// What was typed, not judged yet.
    var options: RunnerOptions {
        var options = RunnerOptions()
        options.apiKey = apiKey
        options.apiKeyFile = apiKeyFile
        options.watch = watch
        options.endpoint = endpoint
        options.heartbeatInterval = heartbeatInterval
        options.logLevel = logLevel
        options.logFormat = logFormat
        options.restartPolicy = restartPolicy
        options.config = config
        options.stateDirectory = stateDir
        options.caFile = caFile
        options.dockerCommand = dockerCommand
        options.systemdScope = systemdScope
        options.allowHTTP = allowHTTP
        options.logTail = logTail
        options.controlSocket = controlSocket
        options.controlGroup = controlGroup
        options.metricsListen = metricsListen
        return options
    }

    /// Makes a configuration of it, or tells everything that is wrong and ends the program.
    static func resolve(_ options: RunnerOptions) throws -> RunnerConfiguration {
        try resolve(options) { resolver throws(ConfigurationResolver.Failure) in try resolver.resolve() }
    }

    /// Makes of it what is asked for, or tells everything that is wrong and ends the program.
    static func resolve<Value>(
        _ options: RunnerOptions,
        _ body: (inout ConfigurationResolver) throws(ConfigurationResolver.Failure) -> Value
    ) throws -> Value {
        switch read(options, body) {
        case .success(let value): return value
        case .failure(let failure):
            for problem in failure.problems { Host.complain(problem.description) }
            throw ExitCode(ConfigurationProblem.exitStatus(for: failure.problems))
        }
    }

    /// Makes a configuration of it and of what the settings file says now.
    static func read(_ options: RunnerOptions) -> Result<RunnerConfiguration, ConfigurationResolver.Failure> {
        read(options) { resolver throws(ConfigurationResolver.Failure) in try resolver.resolve() }
    }

    private static func read<Value>(
        _ options: RunnerOptions,
        _ body: (inout ConfigurationResolver) throws(ConfigurationResolver.Failure) -> Value
    ) -> Result<Value, ConfigurationResolver.Failure> {
        var resolver = ConfigurationResolver(options: options, environment: Host.environment, kinds: builtInKinds)
        do throws(ConfigurationResolver.Failure) {
            return .success(try body(&resolver))
        } catch {
            return .failure(error)
        }
    }
}

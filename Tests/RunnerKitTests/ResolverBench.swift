import RunnerKit
import Supervision
import SystemPackage
import TestSupport

/// A setting that takes a text, by its flag.
enum Setting: String, CaseIterable {
    case apiKeyFile = "--api-key-file"
    case caFile = "--ca-file"
    case config = "--config"
    case dockerCommand = "--docker-command"
    case endpoint = "--endpoint"
    case interval = "--heartbeat-interval"
    case logFormat = "--log-format"
    case logLevel = "--log-level"
    case logTail = "--log-tail"
    case policy = "--restart-policy"
    case stateDirectory = "--state-dir"
    case systemdScope = "--systemd-scope"

    var variable: String { "CLEVAGENT_" + rawValue.dropFirst(2).uppercased().replacing("-", with: "_") }

    var option: WritableKeyPath<RunnerOptions, String?> {
        switch self {
        case .apiKeyFile: \.apiKeyFile
        case .caFile: \.caFile
        case .config: \.config
        case .dockerCommand: \.dockerCommand
        case .endpoint: \.endpoint
        case .interval: \.heartbeatInterval
        case .logFormat: \.logFormat
        case .logLevel: \.logLevel
        case .logTail: \.logTail
        case .policy: \.restartPolicy
        case .stateDirectory: \.stateDirectory
        case .systemdScope: \.systemdScope
        }
    }
}

/// A command line that is right, to make one thing wrong after the other.
struct ResolverBench {
    static let key = "cv_0123456789abcdef"
    static let watch = "process:/run/bot.pid"

    let directory: TestProcessDirectory
    var options = RunnerOptions()
    var environment = ["HOME": "/home/bot", "CLEVAGENT_API_KEY": Self.key]
    var kinds: [WatcherKind] = [.process]
    /// Who the runner is; nil for whoever tests.
    var user: UInt32?

    init() throws {
        directory = try TestProcessDirectory()
        options.watch = [Self.watch]
        options.endpoint = "https://clevagent.example.org"
        options.stateDirectory = "/var/lib/bot"
        // This machine may have a file of its own at the usual place.
        options.config = try file("runner.yaml", "")
    }

    /// Writes a file and gives its path.
    func file(_ name: String, _ text: String, permissions: UInt32 = 0o600) throws -> String {
        let path = directory.file(name)
        try directory.write(text, to: path, permissions: permissions)
        return path.string
    }

    func resolve() throws -> RunnerConfiguration {
        var resolver = ConfigurationResolver(options: options, environment: environment, kinds: kinds, user: user)
        return try resolver.resolve()
    }

    /// All that is wrong; nothing when it is right.
    var failure: [ConfigurationProblem] {
        failure { resolver throws(ConfigurationResolver.Failure) in _ = try resolver.resolve() }
    }

    /// What is wrong with the targets alone.
    var targetFailure: [ConfigurationProblem] {
        failure { resolver throws(ConfigurationResolver.Failure) in _ = try resolver.resolveTargets() }
    }

    private func failure(
        _ resolve: (inout ConfigurationResolver) throws(ConfigurationResolver.Failure) -> Void
    ) -> [ConfigurationProblem] {
        var resolver = ConfigurationResolver(options: options, environment: environment, kinds: kinds, user: user)
        do {
            try resolve(&resolver)
            return []
        } catch {
            return error.problems
        }
    }

    var problems: [String] { failure.map(\.description) }

    /// The settings of the only target, or what is wrong with the file.
    mutating func settings(_ yaml: String) throws -> (settings: TargetSettings?, problems: [String]) {
        let path = try file("runner.yaml", yaml)
        options.config = path
        let problems = self.problems.map { $0.replacing("--config '\(path)': ", with: "") }
        return (problems.isEmpty ? try resolve().targets.first?.settings : nil, problems)
    }
}

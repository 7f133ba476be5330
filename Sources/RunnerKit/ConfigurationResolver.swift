import ServerLink
package import Supervision
package import SystemPackage
import SystemSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Makes a configuration of flags, environment, file and defaults, in that order, or tells everything that is wrong.
package struct ConfigurationResolver {
    package static let defaultEndpoint = "https://clevagent.io"
    package static let defaultFile = FilePath("/etc/clevagent/runner.yaml")

    let options: RunnerOptions
    let environment: [String: String]
    /// The kinds this program can watch.
    let kinds: [WatcherKind]
    /// Who the runner is.
    let user: UInt32
    var problems: [ConfigurationProblem] = []
    var warnings: [String] = []
    /// What the settings file says in the place of a flag, by the flag.
    var inSettings: [String: Given] = [:]
    /// The settings file, if there is one.
    var file: ReadFile?

    /// - Parameter user: who the runner is; nil for the user of this program.
    package init(
        options: RunnerOptions, environment: [String: String], kinds: [WatcherKind], user: UInt32? = nil
    ) {
        self.user = user ?? geteuid()
        self.options = options
        self.environment = environment
        self.kinds = kinds
    }

    package struct Failure: Error {
        package var problems: [ConfigurationProblem]

        package init(problems: [ConfigurationProblem]) {
            self.problems = problems
        }
    }

    package mutating func resolve() throws(Failure) -> RunnerConfiguration {
        (problems, warnings, inSettings, file) = ([], [], [:], nil)
        readSettingsFile()
        let endpoint = self.endpoint()
        let proxy = endpoint.flatMap { self.proxy(for: $0) }
        let apiKey = self.apiKey()
        let policy = self.policy()
        let targets = self.targets(policy: policy, logTail: logTail())
        let trustRoots = self.trustRoots()
        let systemdScope = self.systemdScope()
        let interval = self.interval()
        let logLevel = self.logLevel()
        let logFormat = self.logFormat()
        let stateDirectory = self.stateDirectory()
        let dockerCommand = self.dockerCommand()
        let controlSocket = self.controlSocket(stateDirectory)
        let controlGroup = self.controlGroup()
        let metricsListen = self.metricsListen()
        guard problems.isEmpty, let endpoint, let apiKey, let interval, let logLevel, let logFormat,
            let stateDirectory, let dockerCommand, let systemdScope
        else {
            throw Failure(problems: problems)
        }
        return RunnerConfiguration(
            apiKey: apiKey, endpoint: endpoint.url, trustRoots: trustRoots, proxy: proxy, targets: targets,
            interval: interval, logLevel: logLevel, logFormat: logFormat, stateDirectory: stateDirectory,
            dockerCommand: dockerCommand, systemdScope: systemdScope, controlSocket: controlSocket,
            controlGroup: controlGroup, metricsListen: metricsListen,
            warnings: warnings.map(ConfigurationProblem.masked))
    }

    /// Only what is watched, and whose units are: for what needs neither key nor server.
    package mutating func resolveTargets() throws(Failure) -> (
        targets: [WatchedTarget], systemdScope: RunnerConfiguration.SystemdScope
    ) {
        (problems, warnings, inSettings, file) = ([], [], [:], nil)
        readSettingsFile()
        let targets = self.targets(policy: policy(), logTail: logTail())
        let scope = systemdScope()
        guard problems.isEmpty, let scope else { throw Failure(problems: problems) }
        return (targets.map(\.target), scope)
    }

    // MARK: - Where a value comes from

    /// A value and the name of the setting that gave it.
    struct Given {
        var name: String
        var value: String
        var place = ConfigurationProblem.Place.invocation
    }

    /// A settings file that was read, and what to call it.
    struct ReadFile {
        var name: String
        var content: SettingsFile
    }

    /// What was given for a flag.
    func given(_ flag: String, _ value: String?) -> Given? {
        if let value { return Given(name: flag, value: value) }
        let variable = "CLEVAGENT_" + flag.dropFirst(2).uppercased().replacing("-", with: "_")
        guard let value = environment[variable], !value.isEmpty else { return inSettings[flag] }
        return Given(name: variable, value: value)
    }

    mutating func refuse(_ given: Given, _ reason: String) {
        problems.append(.init(given.place, "\(given.name) '\(given.value.prefix(200))': \(reason)"))
    }

    // MARK: - One setting after the other

    private mutating func apiKey() -> Secret? {
        if options.apiKey != nil, options.apiKeyFile != nil {
            problems.append(.init(.invocation, "--api-key and --api-key-file: give one of the two"))
            return nil
        }
        if let key = options.apiKey {
            warnings.append(
                "the key on the command line is visible to every user of this host: use --api-key-file, "
                    + "CLEVAGENT_API_KEY or a systemd credential named api-key")
            return checked(key, from: "--api-key", .invocation)
        }
        if let file = options.apiKeyFile { return key(inFile: file, named: "--api-key-file") }
        if let key = environment["CLEVAGENT_API_KEY"], !key.isEmpty {
            return checked(key, from: "CLEVAGENT_API_KEY", .invocation)
        }
        if let file = environment["CLEVAGENT_API_KEY_FILE"], !file.isEmpty {
            return key(inFile: file, named: "CLEVAGENT_API_KEY_FILE")
        }
        if let given = inSettings["--api-key-file"] { return key(inFile: given.value, named: given.name) }
        if let directory = environment["CREDENTIALS_DIRECTORY"], !directory.isEmpty {
            let file = FilePath(directory).appending("api-key")
            if access(file.string, F_OK) == 0 { return key(inFile: file.string, named: "credential api-key") }
        }
        problems.append(
            .init(
                .invocation,
                "no API key: give --api-key-file FILE, or set CLEVAGENT_API_KEY (the server's first start wrote one to its state directory)"
            ))
        return nil
    }

    private mutating func key(inFile file: String, named name: String) -> Secret? {
        var facts = stat()
        do {
            guard let bytes = try HostFile.read(FilePath(file), limit: 4096) else { throw Errno.noSuchFileOrDirectory }
            if stat(file, &facts) == 0, facts.st_mode & 0o077 != 0, name != "credential api-key" {
                warnings.append("\(file) can be read by other users: chmod 600 it")
            }
            let text = String(decoding: bytes, as: UTF8.self)
            return checked(String(text.trimmed), from: "\(name) '\(file)'", .file)
        } catch {
            problems.append(.init(.file, "\(name) '\(file)': can't be read: \(error)"))
            return nil
        }
    }

    /// A key is never shown, not even a wrong one.
    private mutating func checked(
        _ key: String, from name: String, _ place: ConfigurationProblem.Place
    ) -> Secret? {
        let isWord = key.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        guard key.hasPrefix("cv_"), (4...200).contains(key.utf8.count), isWord else {
            problems.append(.init(place, "\(name): that is no API key: it begins with cv_ and has no spaces"))
            return nil
        }
        return .init(value: key)
    }

    private mutating func endpoint() -> Endpoint? {
        let allowed = allowsHTTP()
        guard let given = given("--endpoint", options.endpoint) else {
            warnings.append("no --endpoint was given: heartbeats and the key go to \(Self.defaultEndpoint)")
            return try? Endpoint.parse(Self.defaultEndpoint).get()
        }
        switch Endpoint.parse(given.value) {
        case .failure(let problem):
            refuse(given, problem.words)
            return nil
        case .success(let endpoint):
            if endpoint.isPlainText, !endpoint.isLoopback, !allowed {
                refuse(given, "plain http would show the key to the network: use https, or say --allow-http")
                return nil
            }
            return endpoint
        }
    }

    private mutating func allowsHTTP() -> Bool {
        if options.allowHTTP { return true }
        guard let given = given("--allow-http", nil) else { return false }
        switch given.value.lowercased() {
        case "1", "true", "yes": return true
        case "0", "false", "no": return false
        default:
            refuse(given, "must be true or false")
            return false
        }
    }

    private mutating func policy() -> RestartPolicy {
        guard let given = given("--restart-policy", options.restartPolicy) else { return .unlessStopped }
        if let policy = RestartPolicy(rawValue: given.value) { return policy }
        refuse(given, "must be one of \(RestartPolicy.listed)")
        return .unlessStopped
    }

    private mutating func interval() -> Duration? {
        guard let given = given("--heartbeat-interval", options.heartbeatInterval) else { return .seconds(30) }
        guard let seconds = Double(given.value), (1...86_400).contains(seconds) else {
            refuse(given, "must be a number of seconds from 1 to 86400")
            return nil
        }
        return .milliseconds(Int64(seconds * 1000))
    }

    private mutating func logTail() -> Int {
        guard let given = given("--log-tail", options.logTail) else { return 0 }
        guard let count = Int(given.value), RunnerConfiguration.logTails.contains(count) else {
            refuse(given, "must be a number of lines from 0 (none) to \(RunnerConfiguration.logTails.upperBound)")
            return 0
        }
        return count
    }

    private mutating func logLevel() -> RunnerConfiguration.LogLevel? {
        guard let given = given("--log-level", options.logLevel) else { return .info }
        if let level = RunnerConfiguration.LogLevel(rawValue: given.value.uppercased()) { return level }
        refuse(
            given,
            "must be one of \(RunnerConfiguration.LogLevel.allCases.map(\.rawValue).joined(separator: ", "))")
        return nil
    }

    private mutating func logFormat() -> RunnerConfiguration.LogFormat? {
        guard let given = given("--log-format", options.logFormat) else { return .auto }
        if let format = RunnerConfiguration.LogFormat(rawValue: given.value) { return format }
        refuse(
            given,
            "must be one of \(RunnerConfiguration.LogFormat.allCases.map(\.rawValue).joined(separator: ", "))")
        return nil
    }

    private mutating func dockerCommand() -> String? {
        guard let given = given("--docker-command", options.dockerCommand) else {
            return RunnerConfiguration.standardDockerCommand
        }
        guard ConfigurationProblem.masked(given.value) == given.value else {
            refuse(given, "that looks like an API key: see --api-key-file")
            return nil
        }
        let isName = !given.value.contains("/") && !given.value.hasPrefix("-") && !given.value.isEmpty
        guard isName || given.value.hasPrefix("/"), given.value.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            refuse(given, "must be the name of a program (docker, podman) or its absolute path")
            return nil
        }
        return given.value
    }

    private mutating func systemdScope() -> RunnerConfiguration.SystemdScope? {
        guard let given = given("--systemd-scope", options.systemdScope) else { return .system }
        if let scope = RunnerConfiguration.SystemdScope(rawValue: given.value) { return scope }
        refuse(
            given,
            "must be one of \(RunnerConfiguration.SystemdScope.allCases.map(\.rawValue).joined(separator: ", "))")
        return nil
    }

    private mutating func controlSocket(_ stateDirectory: FilePath?) -> FilePath? {
        guard let given = given("--control-socket", options.controlSocket) else {
            return stateDirectory.map { ControlSocketPlace.standard(environment, stateDirectory: $0) }
        }
        if given.value == "off" { return nil }
        guard given.value.hasPrefix("/") else {
            refuse(given, "must be an absolute path, or off")
            return nil
        }
        return FilePath(given.value)
    }

    private mutating func metricsListen() -> MetricsAddress? {
        guard let given = given("--metrics-listen", options.metricsListen), given.value != "off" else { return nil }
        guard let address = MetricsAddress(given.value) else {
            refuse(given, "must be HOST:PORT, for instance 127.0.0.1:9464, or off")
            return nil
        }
        return address
    }

    private mutating func controlGroup() -> UInt32? {
        guard let given = given("--control-group", options.controlGroup) else { return nil }
        guard let group = Account.group(named: given.value) ?? UInt32(given.value) else {
            refuse(given, "there is no such group on this host")
            return nil
        }
        return group
    }

    private mutating func stateDirectory() -> FilePath? {
        if let given = given("--state-dir", options.stateDirectory) {
            guard given.value.hasPrefix("/") else {
                refuse(given, "must be an absolute path")
                return nil
            }
            return FilePath(given.value)
        }
        // The first of those that systemd lists (systemd.exec(5), StateDirectory=).
        if let listed = environment["STATE_DIRECTORY"]?.split(separator: ":").first, listed.hasPrefix("/") {
            return FilePath(String(listed))
        }
        if let directory = ControlSocketPlace.stateDirectory(environment, user: user) { return directory }
        problems.append(.init(.file, "no state directory: HOME is not set; give --state-dir"))
        return nil
    }
}

extension RestartPolicy {
    /// All of them, for messages.
    static var listed: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

extension StringProtocol {
    var trimmed: SubSequence {
        var rest = self[...]
        while rest.first?.isWhitespace ?? false { rest.removeFirst() }
        while rest.last?.isWhitespace ?? false { rest.removeLast() }
        return rest
    }
}

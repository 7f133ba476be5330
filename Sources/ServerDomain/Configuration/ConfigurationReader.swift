/// Turns flags and environment into a configuration, or into everything that is wrong with them.
package struct ConfigurationReader: Sendable {
    /// What was typed after the program's name; nil where nothing was.
    package struct Flags: Sendable, Hashable {
        package var listen: String?
        package var database: String?
        package var stateDirectory: String?
        package var publicURL: String?
        package var tlsCertificate: String?
        package var tlsKey: String?
        package var allowsHTTP = false
        package var rateLimit: String?
        package var logLevel: String?
        package var logFormat: String?

        package init() {}
    }

    /// One wrong value, in one line.
    package struct Problem: Error, Sendable, Hashable {
        package var line: String
        /// Typed by a person now, rather than found in the environment.
        package var isFlag: Bool
    }

    package private(set) var problems: [Problem] = []
    private let environment: [String: String]
    private let isRoot: Bool

    package init(environment: [String: String], isRoot: Bool) {
        self.environment = environment
        self.isRoot = isRoot
    }

    /// Reads everything; `problems` tells whether the result may be used.
    package mutating func read(_ flags: Flags) -> ServingConfiguration? {
        let listen = self.listen(flags.listen)
        let stateDirectory = self.stateDirectory(flags.stateDirectory)
        let database = self.database(flags.database, in: stateDirectory)
        let publicURL = self.publicURL(flags.publicURL)
        let tls = self.tls(flags)
        let allowsHTTP = flags.allowsHTTP || allowsHTTPByEnvironment()
        let rateLimit = self.rateLimit(flags.rateLimit)
        let logLevel = self.logLevel(flags.logLevel)
        let logFormat = self.logFormat(flags.logFormat)
        if let listen, !listen.isLoopback, tls == nil, publicURL?.isHTTPS != true, !allowsHTTP {
            complain(
                setting(flags.listen, "--listen", "CLEVAGENT_LISTEN") ?? Setting("", "--listen"),
                "would send keys over the network unencrypted; give an https:// --public-url (a proxy in front), "
                    + "or --tls-cert and --tls-key, or --allow-http", value: listen.text)
        }
        guard problems.isEmpty, let listen, let stateDirectory, let database, let logLevel, let logFormat else {
            return nil
        }
        return ServingConfiguration(
            listen: listen, stateDirectory: stateDirectory, databasePath: database, publicURL: publicURL, tls: tls,
            allowsHTTP: allowsHTTP, requestsPerMinute: rateLimit == 0 ? nil : rateLimit, logLevel: logLevel,
            logFormat: logFormat)
    }

    /// Reads only what finds the database, for the commands that work beside a running server.
    package mutating func readStore(_ flags: Flags) -> (stateDirectory: String, databasePath: String)? {
        let directory = stateDirectory(flags.stateDirectory)
        let database = self.database(flags.database, in: directory)
        guard problems.isEmpty, let directory, let database else { return nil }
        return (directory, database)
    }

    // MARK: - One setting each

    private struct Setting {
        var value: String
        var name: String
        var isFlag = true

        init(_ value: String, _ name: String, isFlag: Bool = true) {
            self.value = value
            self.name = name
            self.isFlag = isFlag
        }
    }

    /// A flag wins over the environment; an empty variable counts as not set.
    private func setting(_ flag: String?, _ name: String, _ variable: String) -> Setting? {
        if let flag { return Setting(flag, name) }
        guard let value = environment[variable], !value.isEmpty else { return nil }
        return Setting(value, variable, isFlag: false)
    }

    private mutating func complain(_ setting: Setting, _ what: String, value: String? = nil) {
        let shown = value ?? setting.value
        problems.append(Problem(line: "\(setting.name): “\(shown)” \(what)", isFlag: setting.isFlag))
    }

    private mutating func listen(_ flag: String?) -> ListenAddress? {
        guard let setting = setting(flag, "--listen", "CLEVAGENT_LISTEN") else {
            return ListenAddress("127.0.0.1:8080")
        }
        guard let address = ListenAddress(setting.value) else {
            complain(setting, "is not HOST:PORT with a port from 0 to 65535; for instance 127.0.0.1:8080 or [::1]:8080")
            return nil
        }
        return address
    }

    private mutating func stateDirectory(_ flag: String?) -> String? {
        if let setting = setting(flag, "--state-dir", "CLEVAGENT_STATE_DIR") {
            guard setting.value.hasPrefix("/") || setting.isFlag, !setting.value.isEmpty else {
                complain(setting, "is not an absolute path; for instance /var/lib/clevagent-server")
                return nil
            }
            return setting.value
        }
        // systemd may give several, separated by colons; the first is ours.
        if let given = environment["STATE_DIRECTORY"]?.split(separator: ":").first { return String(given) }
        if isRoot { return "/var/lib/clevagent-server" }
        if let base = environment["XDG_STATE_HOME"], base.hasPrefix("/") { return base + "/clevagent-server" }
        if let home = environment["HOME"], home.hasPrefix("/") { return home + "/.local/state/clevagent-server" }
        problems.append(
            Problem(line: "--state-dir: is required, because neither HOME nor XDG_STATE_HOME is set", isFlag: true))
        return nil
    }

    private mutating func database(_ flag: String?, in stateDirectory: String?) -> String? {
        guard let setting = setting(flag, "--database", "CLEVAGENT_DATABASE") else {
            return (stateDirectory ?? "") + "/clevagent.sqlite"
        }
        if setting.value.hasPrefix("postgres") {
            complain(setting, "is PostgreSQL, which this version does not support yet; use sqlite:///path/to/file")
            return nil
        }
        let scheme = "sqlite://"
        let path = setting.value.dropFirst(scheme.count)
        guard setting.value.hasPrefix(scheme), path.hasPrefix("/"), path.count > 1, !path.hasSuffix("/") else {
            complain(
                setting, "is not sqlite:///path/to/file; for instance sqlite:///var/lib/clevagent-server/my.sqlite")
            return nil
        }
        return String(path)
    }

    private mutating func publicURL(_ flag: String?) -> PublicURL? {
        guard let setting = setting(flag, "--public-url", "CLEVAGENT_PUBLIC_URL") else { return nil }
        guard let url = PublicURL(setting.value) else {
            complain(setting, "is not http(s)://HOST[:PORT] without a path; for instance https://agents.example.com")
            return nil
        }
        return url
    }

    private mutating func tls(_ flags: Flags) -> ServingConfiguration.TLSFiles? {
        let certificate = setting(flags.tlsCertificate, "--tls-cert", "CLEVAGENT_TLS_CERT")
        let key = setting(flags.tlsKey, "--tls-key", "CLEVAGENT_TLS_KEY")
        switch (certificate, key) {
        case (nil, nil): return nil
        case (let certificate?, let key?):
            return ServingConfiguration.TLSFiles(certificate: certificate.value, key: key.value)
        case (let certificate?, nil): complain(certificate, "needs --tls-key with the matching private key (PEM)")
        case (nil, let key?): complain(key, "needs --tls-cert with the matching certificate chain (PEM)")
        }
        return nil
    }

    private mutating func allowsHTTPByEnvironment() -> Bool {
        guard let setting = setting(nil, "--allow-http", "CLEVAGENT_ALLOW_HTTP") else { return false }
        switch setting.value.lowercased() {
        case "1", "true", "yes": return true
        case "0", "false", "no": return false
        default:
            complain(setting, "is not a yes or no; use 1 or 0")
            return false
        }
    }

    private mutating func rateLimit(_ flag: String?) -> Int? {
        guard let setting = setting(flag, "--rate-limit", "CLEVAGENT_RATE_LIMIT") else { return 10_000 }
        guard let number = Int(setting.value), (0...10_000_000).contains(number) else {
            complain(setting, "is not a number of requests a minute from 0 (no limit) to 10000000; for instance 10000")
            return nil
        }
        return number
    }

    private mutating func logLevel(_ flag: String?) -> String? {
        guard let setting = setting(flag, "--log-level", "CLEVAGENT_LOG_LEVEL") else { return "notice" }
        let levels = ["trace", "debug", "info", "notice", "warning", "error", "critical"]
        guard levels.contains(setting.value) else {
            complain(setting, "is not a log level; use one of \(levels.joined(separator: ", "))")
            return nil
        }
        return setting.value
    }

    private mutating func logFormat(_ flag: String?) -> String? {
        guard let setting = setting(flag, "--log-format", "CLEVAGENT_LOG_FORMAT") else { return "auto" }
        let formats = ["auto", "text", "json", "journal"]
        guard formats.contains(setting.value) else {
            complain(setting, "is not a form of the log; use one of \(formats.joined(separator: ", "))")
            return nil
        }
        return setting.value
    }
}

package import ServerLink
package import Supervision
package import SystemPackage

/// Everything a runner needs to know, checked.
package struct RunnerConfiguration: Sendable {
    package enum LogLevel: String, Sendable, CaseIterable {
        case debug = "DEBUG"
        case info = "INFO"
        case warning = "WARNING"
        case error = "ERROR"
    }

    /// In which form the log is written.
    package enum LogFormat: String, Sendable, CaseIterable {
        /// The journal under systemd, else text.
        case auto
        case text, json, journal
    }

    /// Whose service manager is meant.
    package enum SystemdScope: String, Sendable, Hashable, CaseIterable {
        case system, user
    }

    /// How many of a target's last lines may follow its death.
    static let logTails = 0...200
    package static let standardDockerCommand = "docker"

    package var apiKey: Secret
    /// The URL before `/api/v1`, without a slash at its end.
    package var endpoint: String
    /// Nil for the system's.
    package var trustRoots: TrustRoots?
    package var proxy: ProxyServer?
    package var targets: [(target: WatchedTarget, settings: TargetSettings)]
    package var interval: Duration
    package var logLevel: LogLevel
    package var logFormat: LogFormat
    package var stateDirectory: FilePath
    /// The client of the container engine: a name to be found in PATH, or an absolute path.
    package var dockerCommand: String
    package var systemdScope: SystemdScope
    /// Where operators of this host are answered; nil for nowhere.
    package var controlSocket: FilePath?
    /// The group whose members may act there.
    package var controlGroup: UInt32?
    /// Where metrics are served; nil for nowhere.
    package var metricsListen: MetricsAddress?
    /// What is allowed and should be known, one line each.
    package var warnings: [String]
}

extension RunnerConfiguration {
    /// What each watcher is to be given. No target is there twice.
    var targetsByKind: [WatcherKind: [TargetID: TargetSettings]] {
        targets.reduce(into: [:]) { $0[$1.target.id.kind, default: [:]][$1.target.id] = $1.settings }
    }
}

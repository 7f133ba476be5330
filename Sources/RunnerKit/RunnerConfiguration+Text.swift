import FoundationEssentials
import Supervision
import SystemPackage
import WireProtocol

extension RunnerConfiguration {
    /// All that is in force, defaults too, in the form of a settings file. The key is not in it.
    package var settingsFile: String {
        var lines = [
            "# The API key is set, and not shown: in a file, say api-key-file.",
            "endpoint: \(Self.quoted(endpoint))", "heartbeat-interval: \(Self.seconds(interval))",
            "log-level: \(logLevel.rawValue)", "log-format: \(logFormat.rawValue)",
            "state-dir: \(Self.quoted(stateDirectory.string))", "docker-command: \(Self.quoted(dockerCommand))",
            "systemd-scope: \(systemdScope.rawValue)",
            "control-socket: \(Self.quoted(controlSocket?.string ?? "off"))",
            "metrics-listen: \(Self.quoted(metricsListen.map { "\($0)" } ?? "off"))",
        ]
        if let controlGroup { lines.append("control-group: \(controlGroup)") }
        lines.append("watch:")
        lines += targets.map { target, _ in
            // A name with a colon can't be written before a target, and so is the one that the target has by itself.
            "  - " + Self.quoted(target.agent.contains(":") ? "\(target.id)" : "\(target.agent)=\(target.id)")
        }
        lines.append("targets:")
        for (target, settings) in targets {
            lines.append("  \(Self.quoted("\(target.id)")):")
            lines += settings.lines.map { "    \($0)" }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// A text in double quotes, as YAML and JSON have it.
    fileprivate static func quoted(_ text: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
    }

    fileprivate static func seconds(_ duration: Duration) -> String {
        let seconds = duration.wireSeconds
        return Int64(exactly: seconds).map { "\($0)" } ?? "\(seconds)"
    }
}

extension TargetSettings {
    fileprivate var lines: [String] {
        let initial = RunnerConfiguration.seconds(backoff.initial)
        let most = RunnerConfiguration.seconds(backoff.maximum)
        var lines = [
            "restart-policy: \(policy.rawValue)", "backoff: {initial: \(initial), max: \(most)}",
            "log-tail: \(logTail)",
        ]
        if let grace { lines.append("grace: \(RunnerConfiguration.seconds(grace))") }
        if let start { lines.append("start: [\(start.map(RunnerConfiguration.quoted).joined(separator: ", "))]") }
        if let user { lines.append("user: \(user)") }
        return lines
    }
}

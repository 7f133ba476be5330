package import SystemSupport

/// The environment for a `start:` command.
package enum LaunchEnvironment {
    /// What the runner or its service manager was given for itself (systemd.exec(5), "Environment Variables in Spawned
    /// Processes"; sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3)).
    private static let ofOthers = [
        "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "LISTEN_PIDFDID", "INVOCATION_ID",
        "JOURNAL_STREAM", "CREDENTIALS_DIRECTORY", "RUNTIME_DIRECTORY", "STATE_DIRECTORY", "CACHE_DIRECTORY",
        "LOGS_DIRECTORY", "CONFIGURATION_DIRECTORY", "MAINPID", "MANAGERPID", "SYSTEMD_EXEC_PID",
        "MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE", "SERVICE_RESULT", "EXIT_CODE", "EXIT_STATUS", "REMOTE_ADDR",
        "REMOTE_PORT", "LOG_NAMESPACE", "FDSTORE", "MAINPIDFDID", "MANAGERPIDFDID", "PIDFILE",
    ]
    private static let privatePrefixes = ["CLEVAGENT_", "WATCHDOG_", "MONITOR_", "TRIGGER_"]

    /// The remembered environment, or a plain one for the account, without what was meant for others.
    package static func forStart(
        remembered: [ByteText]?, account: Account?, language: ByteText?
    ) -> [ByteText] {
        (remembered ?? plain(account, language)).filter { !isPrivate($0) }
    }

    private static func plain(_ account: Account?, _ language: ByteText?) -> [ByteText] {
        var variables: [ByteText] = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
        if let account {
            variables.append(ByteText("HOME=\(account.home)"))
            variables.append(ByteText("USER=\(account.name)"))
        }
        variables.append(language ?? "LANG=C.UTF-8")
        return variables
    }

    private static func isPrivate(_ variable: ByteText) -> Bool {
        let name = String(decoding: variable.bytes.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
        return ofOthers.contains(name) || privatePrefixes.contains { name.hasPrefix($0) }
    }

    /// The value of a variable.
    package static func value(of name: String, in environment: [ByteText]) -> ByteText? {
        let prefix = Array("\(name)=".utf8)
        return environment.first { $0.bytes.starts(with: prefix) }.map { ByteText($0.bytes.dropFirst(prefix.count)) }
    }
}

import Logging
import ProgramLog

extension LogRecord {
    /// What was said at a given time.
    static func saying(
        _ message: String, _ metadata: [String: String] = [:], level: Logger.Level = .info
    ) -> LogRecord {
        LogRecord(
            time: 1_796_057_633_007, level: level, label: "clevagent-runner", source: "Bots", message: message,
            metadata: metadata)
    }
}

package import Logging
import NIOConcurrencyHelpers
package import Supervision
import SystemSupport
package import WireProtocol

/// Has the settings read again: all of it is taken, or nothing.
package actor Reloader<C: Clock> where C.Instant == BootInstant {
    /// Reads the settings, or tells all that is wrong with them; and takes what the host must give for them.
    package typealias Reading = @Sendable () async -> Result<RunnerConfiguration, ConfigurationResolver.Failure>

    /// How one reading ended.
    package struct Outcome: Sendable, Hashable, Codable {
        package var at: WireTime
        /// They are in force.
        package var ok: Bool
        /// What is wrong with them, a line each.
        package var problems: [String]
        /// What is in force only after the next start.
        package var pending: [String]
        /// What became of the targets, in words.
        package var summary: String
    }

    private let read: Reading
    private let apply: @Sendable (RunnerConfiguration) async -> Void
    private let civilTime: @Sendable () -> WireTime
    private let logger: Logger
    /// As the runner was started.
    private let started: RunnerConfiguration
    private var current: RunnerConfiguration
    private var turn: Task<Void, Never>?
    package private(set) var last: Outcome?

    package init(
        _ configuration: RunnerConfiguration, read: @escaping Reading,
        apply: @escaping @Sendable (RunnerConfiguration) async -> Void,
        civilTime: @escaping @Sendable () -> WireTime, logger: Logger
    ) {
        started = configuration
        current = configuration
        self.read = read
        self.apply = apply
        self.civilTime = civilTime
        self.logger = logger
    }

    /// Reads the settings again, after those who asked before.
    package func reload() async -> Outcome {
        let former = turn
        // Awaited at once: a reload that was begun is finished, whatever happens to its caller.
        let mine = Task {
            await former?.value
            return await self.reloadNow()
        }
        turn = Task { _ = await mine.value }
        return await mine.value
    }

    private func reloadNow() async -> Outcome {
        let outcome: Outcome
        switch await read() {
        case .success(let new):
            let summary = Self.summary(of: new, after: current)
            await apply(new)
            let pending = new.differences(from: started)
            current = new
            outcome = Outcome(at: civilTime(), ok: true, problems: [], pending: pending, summary: summary)
            for warning in new.warnings where !started.warnings.contains(warning) { logger.warning("\(warning)") }
            logger.notice("The settings were read again", metadata: ["result": "\(summary)"])
            if !pending.isEmpty {
                logger.warning(
                    "Some settings are in force only after the next start",
                    metadata: ["settings": "\(pending.joined(separator: ", "))"])
            }
        case .failure(let failure):
            let problems = failure.problems.map(\.description)
            outcome = Outcome(
                at: civilTime(), ok: false, problems: problems, pending: [], summary: "nothing was changed")
            for problem in problems {
                logger.error(
                    "The settings are wrong, and those before stay in force", metadata: ["problem": "\(problem)"])
            }
        }
        last = outcome
        return outcome
    }

    private static func summary(of new: RunnerConfiguration, after old: RunnerConfiguration) -> String {
        let before = Dictionary(old.targets.map { ($0.target.id, $0) }) { first, _ in first }
        let after = Dictionary(new.targets.map { ($0.target.id, $0) }) { first, _ in first }
        let added = after.keys.count { before[$0] == nil }
        let removed = before.keys.count { after[$0] == nil }
        let changed = after.values.count { one in
            before[one.target.id].map { $0.target != one.target || $0.settings != one.settings } ?? false
        }
        return "\(after.count) target\(after.count == 1 ? "" : "s"): \(added) new, \(removed) gone, \(changed) changed"
    }
}

extension RunnerConfiguration {
    /// The settings of the runner itself that are others, by their names: they are in force from a start on.
    fileprivate func differences(from other: RunnerConfiguration) -> [String] {
        let same: [(String, Bool)] = [
            ("the key", apiKey == other.apiKey), ("endpoint", endpoint == other.endpoint),
            ("proxy", proxy == other.proxy), ("ca-file", trustRoots == other.trustRoots),
            ("log-level", logLevel == other.logLevel), ("log-format", logFormat == other.logFormat),
            ("state-dir", stateDirectory == other.stateDirectory),
            ("docker-command", dockerCommand == other.dockerCommand),
            ("systemd-scope", systemdScope == other.systemdScope),
            ("control-socket", controlSocket == other.controlSocket),
            ("metrics-listen", metricsListen == other.metricsListen),
            ("control-group", controlGroup == other.controlGroup),
        ]
        return same.filter { !$0.1 }.map(\.0)
    }
}

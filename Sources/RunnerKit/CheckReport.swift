import FoundationEssentials
package import Supervision

/// What `check` found, a row for each target and one for the server.
package struct CheckReport: Sendable, Hashable, Encodable {
    package struct Row: Sendable, Hashable, Encodable {
        /// As the command line names it.
        package var target: String
        package var agent: String?
        /// A word.
        package var state: String
        package var detail: String?
        /// What a person can do about it.
        package var advice: String?
        package var ok: Bool

        package init(
            target: String, agent: String? = nil, state: String, detail: String? = nil, advice: String? = nil, ok: Bool
        ) {
            self.target = target
            self.agent = agent
            self.state = state
            self.detail = detail
            self.advice = advice
            self.ok = ok
        }
    }

    package var ok: Bool
    package var server: Row
    package var targets: [Row]
    /// What is wrong with the state directory; nil when nothing is.
    package var stateDirectory: Row?
    /// What is wrong with the reading of what units write; nil when nothing is, or nobody asked for it.
    package var journal: Row?

    package init(server: Row, targets: [Row], stateDirectory: Row? = nil, journal: Row? = nil) {
        self.server = server
        self.targets = targets
        self.stateDirectory = stateDirectory
        self.journal = journal
        ok = ([server, stateDirectory, journal].compactMap { $0 } + targets).allSatisfy(\.ok)
    }

    /// For people: columns, and what to do below a row that is not well.
    package var table: String {
        let rows = targets + [stateDirectory, journal, server].compactMap { $0 }
        let lines = TextTable.lines(
            [["TARGET", "AGENT", "STATE", "DETAIL"]]
                + rows.map { [$0.target, $0.agent ?? "", $0.state, $0.detail ?? ""] })
        let advice = [nil] + rows.map { row in row.advice.map { "    to do: \(ConfigurationProblem.oneLine($0))" } }
        return zip(lines, advice).flatMap { [$0, $1].compactMap { $0 } }.joined(separator: "\n")
    }

    /// For programs.
    package var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}

extension CheckReport.Row {
    /// Says what the first look at a target showed.
    ///
    /// - Parameters:
    ///   - observation: nil when there was none in time.
    ///   - isHeld: a `stop` command holds it down.
    package init(_ target: WatchedTarget, _ observation: Observation?, isHeld: Bool = false) {
        self.init(target: "\(target.id)", agent: target.agent, state: "unknown", ok: false)
        guard let observation else {
            detail = "no answer within \(TargetProbe.patience.components.seconds) s"
            advice =
                "see whether \(target.id.kind.rawValue) answers at all; targets of that kind are not restarted until it does"
            return
        }
        let kind = target.id.kind
        switch observation.liveness {
        case .alive(let identity):
            state = observation.remark == nil ? "up" : "ok"
            let memory = observation.memoryMB.map { "\(Int($0.rounded())) MiB" }
            let facts = [observation.remark, identity.pid.map { "PID \($0)" }, memory, observation.concern]
            detail = facts.compactMap { $0 }.joined(separator: ", ")
            ok = observation.concern == nil && observation.obstacle == nil
            advice = observation.obstacle.map { "it is watched, and can't be restarted: \($0)" }
        case .unhealthy(_, let reason):
            (state, detail) = ("unhealthy", reason)
            advice = "see why its own health check fails"
        case .dead where isHeld, .missing where isHeld:
            (state, ok) = ("stopped", true)
            detail = "by a command: it stays down until a restart is asked for, or somebody starts it"
        case .dead(let end):
            state = "down"
            detail = end.detail ?? "not running"
            // Nobody can start what has an obstacle.
            advice =
                observation.obstacle.map { target.id.unitAdvice(for: $0) ?? "it can't be restarted: \($0)" }
                ?? "start it: what is down when the runner first sees it is not started"
        case .missing(let reason):
            (state, detail) = ("missing", reason)
            advice = target.id.unitAdvice(for: reason) ?? "start it, or correct its name; \(kind.list)"
        case .undetermined(let reason):
            detail = reason
            advice = kind.advice(for: reason)
        case .handledElsewhere(let reason):
            (state, detail) = ("restarting", reason)
            advice = "its own supervisor is at it; see why it does not stay up"
        }
    }
}

extension CheckReport.Row {
    /// Says that the runner's user may not read what units write, although it was asked to.
    package static func unreadableJournal(user: String) -> Self {
        Self(
            target: "journal", state: "unreadable",
            detail: "user '\(user)' may not read what units write, and --log-tail asks for it",
            advice: "usermod -aG systemd-journal \(user), then start the runner anew", ok: false)
    }
}

extension TargetID {
    /// What to do about a unit that systemd has no use for as it is; nil for other reasons.
    fileprivate func unitAdvice(for reason: String) -> String? {
        guard kind == .systemd else { return nil }
        let unit = UnitName.complete(name)
        if reason.contains("is masked") { return "unmask it, and start it: systemctl unmask \(unit)" }
        guard reason.contains("unit file that systemd can't use") || reason.contains("can't use its unit file") else {
            return nil
        }
        return "`systemd-analyze verify \(unit)` says what is wrong with its unit file; then systemctl daemon-reload"
    }
}

extension WatcherKind {
    /// How a person finds the names there are.
    fileprivate var list: String {
        switch self {
        case .docker: "`docker ps -a` lists the containers"
        case .systemd: "`systemctl list-units --all` lists the units"
        case .launchd: "`launchctl list` lists the labels"
        case .process: "`ps axww` lists the command lines, `ls /run/*.pid` most PID files"
        }
    }

    fileprivate func advice(for reason: String) -> String? {
        let reason = reason.lowercased()
        let isDenied = ["permission denied", "access denied", "not permitted"].contains(where: reason.contains)
        return switch self {
        case .docker where reason.contains("there is no program '/"):
            "correct --docker-command: it is to be a program that the runner's user may run"
        case .docker where reason.contains("there is no program '"):
            "install it (Debian: apt install docker.io), or give the client of another engine with --docker-command"
        case .docker where isDenied:
            "let the runner's user talk to the engine: usermod -aG docker USER, then start the runner anew"
        case .docker: "see whether `docker ps` works for the runner's user"
        case .systemd where isDenied: "give the runner's user the right by a polkit rule, or run the runner as root"
        case .systemd: "see whether `systemctl status` works for the runner's user"
        case .launchd: "see whether `launchctl print` works for the runner's user"
        case .process where isDenied: "run the runner as the process's own user, or as root"
        case .process: nil
        }
    }
}

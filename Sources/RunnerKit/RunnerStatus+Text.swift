package import WireProtocol

// For people.
extension RunnerStatus {
    /// The runner in a line, and a table of the targets.
    ///
    /// - Parameter now: what everything is told relative to.
    package func text(at now: WireTime) -> String {
        let server =
            if let trouble = runner.serverTrouble {
                "the server takes nothing: \(trouble)"
            } else if let last = runner.lastHeartbeatAt {
                "last heartbeat \(last.ago(now)) ago"
            } else {
                "no heartbeat yet"
            }
        let waiting = runner.undelivered == 0 ? "" : ", \(runner.undelivered) changes wait for it"
        let head =
            "clevagent-runner \(runner.version) on \(runner.hostname), PID \(runner.pid), up \(runner.startedAt.ago(now)); "
            + "\(runner.endpoint): \(server)\(waiting)"
        let rows = [Target.columns] + targets.map { $0.row(at: now) }
        let reload = runner.reload.map { reload in
            let age = reload.at.ago(now)
            guard reload.ok else {
                return ["settings: NOT taken \(age) ago, those before are in force"] + reload.problems.map { "  \($0)" }
            }
            return reload.pending.isEmpty
                ? [] : ["settings: taken \(age) ago; after the next start: \(reload.pending.joined(separator: ", "))"]
        }
        return ([head] + (reload ?? []).map(ConfigurationProblem.oneLine) + [""] + TextTable.lines(rows)).joined(
            separator: "\n")
    }
}

extension RunnerStatus.Target {
    fileprivate static let columns = [
        "TARGET", "AGENT", "STATUS", "STATE", "SINCE", "PID", "RESTARTS", "MEMORY", "LAST EVENT",
    ]

    fileprivate func row(at now: WireTime) -> [String] {
        let paused = pause == nil ? "" : " (paused)"
        let event = lastEvent.map { "\($0.kind) \($0.at.ago(now)) ago" } ?? "-"
        return [
            target, agent, status, state.rawValue + paused, since.ago(now), pid.map { "\($0)" } ?? "-", "\(restarts)",
            memoryMB.map { "\(Int($0.rounded())) MB" } ?? "-", event,
        ]
    }

    /// A change in one line.
    package func line(at now: WireTime) -> String {
        ConfigurationProblem.oneLine("\(now.rfc3339)  \(target)  \(status)  \(state.rawValue)  \(message ?? "")")
            .droppingBlanksAtEnd
    }
}

extension RunnerStatus.Event {
    /// What happened, in one line.
    package var line: String {
        ConfigurationProblem.oneLine("\(at.rfc3339)  \(target)  \(kind)  \(message ?? "")").droppingBlanksAtEnd
    }
}

extension WireTime {
    /// How long ago it was, in the largest unit that says something: `12 s`, `5 min`, `3 h`, `9 d`.
    fileprivate func ago(_ now: WireTime) -> String {
        let seconds = max(0, (now.millisecondsSince1970 - millisecondsSince1970) / 1000)
        return switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3600) h"
        default: "\(seconds / 86_400) d"
        }
    }
}

extension String {
    fileprivate var droppingBlanksAtEnd: String { String(reversed().drop { $0 == " " }.reversed()) }
}

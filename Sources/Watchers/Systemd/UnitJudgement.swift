package import Supervision

/// What becomes of a unit's facts: how the target is.
package struct UnitJudgement: Sendable, Hashable {
    package var facts: UnitFacts
    /// Seen on its way down in this life: with a job that wanted it, or without; nil when that was not seen.
    package var isStopSeen: Bool?
    /// The manager is `stopping`.
    package var isHostStopping: Bool

    package init(_ facts: UnitFacts, isStopSeen: Bool? = nil, isHostStopping: Bool = false) {
        self.facts = facts
        self.isStopSeen = isStopSeen
        self.isHostStopping = isHostStopping
    }

    package func observation(memoryMB: Double? = nil) -> Observation {
        var observation = Observation(liveness, obstacle: obstacle)
        if case .alive = observation.liveness {
            observation.memoryMB = memoryMB
            observation.concern = concern
        }
        return observation
    }

    private var liveness: Observation.Liveness {
        switch facts.activeState {
        case "active", "reloading", "refreshing": return facts.identity.map { .alive($0) } ?? .alive(withoutInvocation)
        case "activating": return .handledElsewhere(starting)
        case "deactivating" where isHostStopping: return .handledElsewhere(Self.hostStopping)
        case "deactivating": return .handledElsewhere(stopping)
        case "maintenance": return .handledElsewhere("is being cleaned up by systemd")
        case "inactive", "failed": return down
        case "": return .undetermined("can't be judged: systemd does not tell its state")
        default: return .undetermined("is in a state that is not known here: '\(facts.activeState)'")
        }
    }

    private var down: Observation.Liveness {
        if isHostStopping { return .handledElsewhere(Self.hostStopping) }
        if let reason = notLoaded, facts.invocation.isEmpty { return .missing(reason) }
        if facts.hasJob { return .handledElsewhere("waits for systemd, which has a job for it") }
        if facts.activeState == "inactive", facts.type == "oneshot", !facts.remainsAfterExit, isStopSeen != true,
            let identity = facts.identity, facts.result == "success", facts.cause == .exit(code: 0)
        {
            return .alive(Identity(token: identity.token, pid: nil, began: identity.began))
        }
        return .dead(facts.end(isStopSeen: isStopSeen))
    }

    private static let hostStopping = "is left alone: this host is going down"

    /// Not what systemd starts has an invocation: the root slice, what was there before systemd.
    private var withoutInvocation: Identity { Identity(token: "active since \(facts.activeEnter)") }

    private var starting: String {
        switch facts.subState {
        case "auto-restart", "auto-restart-queued":
            let count = facts.restarts > 0 ? " for the \(facts.restarts + 1)th time" : ""
            return "is brought back by systemd itself\(facts.restarts > 2 ? count : ""), after it \(facts.endWords)"
        default:
            return facts.type == "oneshot"
                ? "runs, until it is done" : "is being started by systemd (\(facts.subState))"
        }
    }

    private var stopping: String {
        guard isStopSeen != true, facts.mainPID == 0, !facts.isDeliberate(isStopSeen: isStopSeen) else {
            return "is being stopped (\(facts.subState))"
        }
        return "\(facts.endWords), and systemd ends what is left of it (\(facts.subState))"
    }

    /// Why there is nothing to start.
    private var notLoaded: String? {
        switch facts.loadState {
        case "not-found": "is not there: systemd knows no unit \(facts.id)"
        case "masked": "is masked: 'systemctl unmask \(facts.id)' lets it start"
        case "error", "bad-setting":
            "has a unit file that systemd can't use\(facts.loadError.map { ": \($0)" } ?? "")"
        default: nil
        }
    }

    private var obstacle: String? {
        switch facts.loadState {
        case "not-found": "systemd knows no unit \(facts.id)"
        case "masked": "\(facts.id) is masked: 'systemctl unmask \(facts.id)' lets it start"
        case "error", "bad-setting": "systemd can't use its unit file\(facts.loadError.map { ": \($0)" } ?? "")"
        case "loaded" where !facts.canStart: "its unit file does not let anybody start it (RefuseManualStart=)"
        default: nil
        }
    }

    private var concern: String? {
        facts.loadState == "not-found" ? "its unit file is gone" : nil
    }
}

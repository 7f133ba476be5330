package import Supervision

/// What becomes of a unit's facts: how the target is.
package struct UnitJudgement: Sendable, Hashable {
    package var facts: UnitFacts
    /// How it was seen to go down in this life; nil when that was not seen.
    package var wayDown: WayDown?
    /// How the life before this one ended, if no other telling said so.
    package var former: End?
    /// The manager is `stopping`.
    package var isHostStopping: Bool

    package init(
        _ facts: UnitFacts, wayDown: WayDown? = nil, former: End? = nil, isHostStopping: Bool = false
    ) {
        self.facts = facts
        self.wayDown = wayDown
        self.former = former
        self.isHostStopping = isHostStopping
    }

    package func observation(memoryMB: Double? = nil) -> Observation {
        var observation = Observation(liveness, obstacle: obstacle, former: former)
        // Its end is known, and what comes next is systemd's.
        if facts.isAwaitingRestart, !isHostStopping {
            var end = facts.end(.byItself)
            // What somebody had stopped would not be started again.
            end.isDeliberate = false
            observation.former = end
        }
        if case .alive = observation.liveness {
            observation.remark = isAtRest ? atRestWords : nil
            observation.memoryMB = memoryMB
            observation.concern = concern
        }
        return observation
    }

    private var liveness: Observation.Liveness {
        switch facts.activeState {
        case _ where facts.isAwaitingRestart && isHostStopping: return .handledElsewhere(Self.hostStopping)
        case _ where facts.isAwaitingRestart: return .handledElsewhere(restarting)
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
        if isAtRest { return .alive(Self.atRest) }
        return .dead(facts.end(wayDown))
    }

    /// A oneshot that ended well. systemd soon forgets that it ran at all, and then it is as if it had not been asked to.
    private var isAtRest: Bool {
        guard facts.activeState == "inactive", facts.type == "oneshot", !facts.remainsAfterExit,
            facts.loadState == "loaded", !facts.hasJob, wayDown == nil || wayDown == .byItself,
            facts.result == "success"
        else { return false }
        return facts.invocation.isEmpty || facts.cause == .exit(code: 0)
    }

    private var atRestWords: String {
        facts.invocation.isEmpty ? "at rest; systemd knows of no run of it" : "ended well"
    }

    /// The same whether systemd has forgotten it or not.
    private static let atRest = Identity(token: "ended well")

    private static let hostStopping = "is left alone: this host is going down"

    /// Not what systemd starts has an invocation: the root slice, what was there before systemd.
    private var withoutInvocation: Identity { Identity(token: "active since \(facts.activeEnter)") }

    private var restarting: String {
        let count = facts.restarts > 2 ? " for the \(facts.restarts + 1)th time" : ""
        return "is brought back by systemd itself\(count), after it \(facts.endWords)"
    }

    private var starting: String {
        facts.type == "oneshot" ? "runs, until it is done" : "is being started by systemd (\(facts.subState))"
    }

    private var stopping: String {
        guard facts.mainPID == 0, !facts.isDeliberate(wayDown) else {
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

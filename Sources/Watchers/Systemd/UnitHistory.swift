package import Supervision

/// How a unit was seen to go down in its present life.
package enum WayDown: Sendable, Hashable {
    /// By itself: systemd had no job that wanted it.
    case byItself
    /// A job wanted it.
    case stopped
    /// It was down, or waited for systemd's own restart, when a job came that wanted it to stay so.
    case stoppedWhenDown
}

/// What was seen of one unit, one telling of systemd's after the other, and what no single telling shows: how it went
/// down, and a life that ended while nobody looked.
package struct UnitHistory: Sendable, Hashable {
    /// How the unit is, and was: systemd forgets how a life ended on reset-failed, and everything of a unit that nobody
    /// needs, and then what it told before still stands here.
    package private(set) var facts: UnitFacts
    /// nil when it was not seen to go down in the present life.
    package private(set) var wayDown: WayDown?
    /// How the life before the present one ended, if systemd restarted it itself so fast that its end was not seen.
    package private(set) var former: End?
    /// The life that ended last, as far as one was seen to end.
    package private(set) var endedInvocation = ""

    /// What there was before a job came.
    private struct Asked: Sendable, Hashable {
        var job: UInt64
        var invocation: String
        var conditionTime: UInt64
        var wasDown: Bool
    }
    private var asked: Asked?
    /// How it is down was read: what is told later is of what comes after its end.
    private var isEndRead = false
    private var isForgotten = false

    package init(unit: String) {
        facts = UnitFacts()
        facts.id = unit
    }

    /// Takes over what systemd tells of the unit now.
    ///
    /// - Parameter isReading: it was asked for all, and has not only told what changed.
    package mutating func take(_ told: UnitFacts, isReading: Bool = false) {
        isForgotten = told.isBlank
        var new = remembering(told)
        if new.mainInvocation.isEmpty { new.mainInvocation = facts.mainInvocation }
        // Of the first telling it is not known what there was before its job.
        if new.job != facts.job, new.job != 0, !facts.activeState.isEmpty {
            asked = Asked(
                job: new.job, invocation: facts.invocation, conditionTime: facts.conditionTime,
                wasDown: facts.isDown || facts.isAwaitingRestart)
        }
        if new.invocation != facts.invocation {
            wayDown = nil
            former = missedEnd(before: new)
        }
        facts = new
        isEndRead = facts.isDown && (isReading || isEndRead)
        switch facts.activeState {
        case "deactivating": wayDown = facts.hasJob || wayDown == .stopped ? .stopped : .byItself
        case "active", "reloading", "refreshing": wayDown = nil
        default: break
        }
        if facts.isDown || facts.isAwaitingRestart, !facts.invocation.isEmpty { endedInvocation = facts.invocation }
    }

    /// Takes note of the end of a job. systemd does not tell of what kind it was.
    ///
    /// What was done, and left the unit down without a start, was a stop: a start makes another life, or looks at its
    /// conditions at least. A stop of what is down changes nothing else; a try-restart of that has no job of the unit's
    /// own, and reset-failed has no job at all. For a unit that systemd has forgotten there is a job's end and nothing else.
    package mutating func jobEnded(_ job: UInt64, _ result: String, isOurs: Bool = false) {
        defer { asked = nil }
        guard !isOurs, result == "done", facts.isDown, wayDown != .stopped else { return }
        if let asked, asked.job == job {
            guard asked.invocation == facts.invocation, asked.conditionTime == facts.conditionTime else { return }
            wayDown = asked.wasDown ? .stoppedWhenDown : .stopped
        } else if asked == nil, isForgotten, facts.conditionTime == 0 {
            wayDown = .stoppedWhenDown
        }
    }

    /// What systemd tells, with what it told before of the life that ended, where it has forgotten that.
    private func remembering(_ told: UnitFacts) -> UnitFacts {
        guard facts.isDown, told.activeState == "inactive", !facts.invocation.isEmpty,
            // A unit without a file is gone with its end; one whose file is removed later is missing.
            told.loadState == facts.loadState || !isEndRead,
            told.isBlank || (facts.activeState == "failed" && told.invocation == facts.invocation)
        else { return told }
        var known = facts
        known.loadState = told.loadState
        known.activeState = told.activeState
        known.subState = told.subState
        known.job = told.job
        known.conditionTime = told.conditionTime
        return known
    }

    private func missedEnd(before new: UnitFacts) -> End? {
        guard new.restarts > facts.restarts, !facts.isDown, !facts.isAwaitingRestart, let identity = facts.endedIdentity
        else { return nil }
        let count = new.restarts - facts.restarts
        return End(
            identity: identity, cause: facts.cause,
            detail: count > 1 ? "systemd has restarted it \(count) times since" : facts.endDetail)
    }
}

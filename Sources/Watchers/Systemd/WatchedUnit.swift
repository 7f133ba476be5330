import Supervision
import SystemSupport

/// What is known of one target. Belongs to the monitor.
final class WatchedUnit {
    let id: TargetID
    /// With its suffix, as it was asked for; perhaps an alias.
    let name: String
    /// The object that stands for it on the bus, once systemd has named it.
    var path: String?
    /// The object whose signals are asked for on this connection.
    var watchedPath: String?
    /// The name by which its jobs are asked for on this connection.
    var watchedID: String?
    var facts = UnitFacts()
    /// Seen on its way down in the present life, with a job or without.
    private(set) var isStopSeen: Bool?
    /// The life that ended last, as far as one was seen to end.
    private(set) var endedInvocation = ""
    /// Why nothing can be told of it, although systemd answers.
    var problem: Observation.Liveness?

    var report: (@Sendable (TargetID, Observation) -> Void)?
    private(set) var reported: Observation?
    var isReading = false
    /// Something happened while it was read: read again.
    var isStale = false
    /// Who waits until it was read.
    var waiters: [CheckedContinuation<Void, Never>] = []

    init(_ id: TargetID) {
        self.id = id
        name = UnitName.complete(id.name)
        facts.id = name
    }

    /// It was read on this connection, and what happened since has been told.
    var isKnown: Bool { report != nil && path != nil && problem == nil && !facts.activeState.isEmpty }

    /// Takes over what systemd has just told of its state.
    func take(_ facts: UnitFacts) {
        if facts.invocation != self.facts.invocation { isStopSeen = nil }
        let mainInvocation = self.facts.mainInvocation
        self.facts = facts
        if facts.mainInvocation.isEmpty { self.facts.mainInvocation = mainInvocation }
        noteStop()
        if facts.isDown, !facts.invocation.isEmpty { endedInvocation = facts.invocation }
    }

    /// Takes over what was read. Of a unit that systemd has forgotten meanwhile, what it told last is what is known.
    func takeReading(_ read: UnitFacts) {
        guard read.isBlank, facts.isDown, !facts.invocation.isEmpty, read.loadState == facts.loadState else {
            return take(read)
        }
        facts.hasJob = read.hasJob
    }

    /// A stop is a fact about a life, and is soon over.
    private func noteStop() {
        switch facts.activeState {
        case "deactivating": isStopSeen = facts.hasJob || isStopSeen == true
        case "active", "reloading", "refreshing": isStopSeen = nil
        default: break
        }
    }

    func judge(isHostStopping: Bool) -> UnitJudgement {
        UnitJudgement(facts, isStopSeen: isStopSeen, isHostStopping: isHostStopping)
    }

    func observation(isHostStopping: Bool) -> Observation {
        if let problem { return Observation(problem) }
        let memory = facts.cgroup.isEmpty || facts.isDown ? nil : CgroupMemory.megabytes(path: facts.cgroup)
        return judge(isHostStopping: isHostStopping).observation(memoryMB: memory)
    }

    /// Reports, unless it is what was reported last.
    func tell(_ observation: Observation) {
        guard let report, observation != reported else { return }
        reported = observation
        report(id, observation)
    }

    func forgetObserver() {
        report = nil
        reported = nil
    }

    /// The connection is gone: objects and readings with it.
    func disconnect() {
        path = nil
        watchedPath = nil
        watchedID = nil
        isReading = false
        isStale = false
        wakeWaiters()
    }

    func wakeWaiters() {
        let waiting = waiters
        waiters = []
        for waiter in waiting { waiter.resume() }
    }
}

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
    /// What the bus is asked for on this connection, of this unit alone.
    var rules: [String] = []
    var history: UnitHistory
    /// Another target that turned out to be the same unit.
    var twin: TargetID?
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
        history = UnitHistory(unit: name)
    }

    var facts: UnitFacts { history.facts }

    /// It was read on this connection, and what happened since has been told.
    var isKnown: Bool { report != nil && path != nil && problem == nil && !facts.activeState.isEmpty }

    func observation(isHostStopping: Bool) -> Observation {
        if let problem { return Observation(problem) }
        let memory = facts.cgroup.isEmpty || facts.isDown ? nil : CgroupMemory.megabytes(path: facts.cgroup)
        let judgement = UnitJudgement(
            facts, wayDown: history.wayDown, former: history.former, isHostStopping: isHostStopping)
        var observation = judgement.observation(memoryMB: memory)
        if let twin {
            observation.concern = "\(twin) is the same unit: two targets would restart it against each other"
        }
        return observation
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
        rules = []
        isReading = false
        isStale = false
        wakeWaiters()
    }

    /// Returns when it was read the next time, whoever asks for that, or when it can't be.
    func nextReading(isolation: isolated (any Actor)? = #isolation) async {
        await withCheckedContinuation { waiters.append($0) }
    }

    func wakeWaiters() {
        let waiting = waiters
        waiters = []
        for waiter in waiting { waiter.resume() }
    }
}

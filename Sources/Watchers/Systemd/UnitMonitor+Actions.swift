import Glibc
import Supervision
import SystemPackage
import SystemSupport
import SystemdSupport

// Starting and stopping: a job of systemd's, whose outcome is the outcome.
extension UnitMonitor {
    /// How long a job may take. systemd has its own limits, which come first.
    private static let patience = Duration.seconds(300)
    /// How long systemd may be out of reach until it is not known what became of a job.
    private static let patienceWithLoss = Duration.seconds(30)

    /// What is asked for, and what polkit calls it.
    private enum Request: String {
        case start = "StartUnit"
        case restart = "RestartUnit"
        case stop = "StopUnit"

        var verb: String {
            switch self {
            case .start: "start"
            case .restart: "restart"
            case .stop: "stop"
            }
        }

        /// What is done against jobs that others have in hand: nothing, except that a stop ends what starts.
        var mode: String { self == .stop ? "replace" : "fail" }
    }

    func perform(
        _ action: TargetAction, on target: TargetID, _ startMade: @escaping @Sendable () -> Void
    ) async -> TargetActionOutcome {
        guard let unit = units[target] else { return .failed("\(target) is not watched here", isPermanent: true) }
        retain()
        defer { release() }
        await settled()
        // A restart needs no look first: whether it goes against somebody's job is systemd's to say.
        if action != .restart || !unit.isKnown { await freshlyRead(unit) }
        if case .lost(let reason) = link { return .failed(reason, isPermanent: false) }
        let liveness = unit.observation(isHostStopping: isHostStopping).liveness
        switch (action, liveness) {
        case (_, .undetermined(let reason)): return .failed(reason, isPermanent: false)
        case (.recover, .alive(let identity)), (.recover, .unhealthy(let identity, _)): return .up(identity, note: nil)
        case (.recover, .handledElsewhere(let reason)): return .failed(reason, isPermanent: false)
        case (.restart, .handledElsewhere(let reason)) where isHostStopping:
            return .failed(reason, isPermanent: false)
        case (.recover, .dead), (.recover, .missing): return await up(unit, .start, startMade)
        case (.restart, _): return await up(unit, .restart, startMade)
        case (.stop, .dead), (.stop, .missing): return .down
        case (.stop, _): return await stop(unit)
        }
    }

    private func up(
        _ unit: WatchedUnit, _ request: Request, _ startMade: @escaping @Sendable () -> Void
    ) async -> TargetActionOutcome {
        let former = unit.facts.invocation
        if unit.facts.result == "start-limit-hit", let failure = await resetFailed(unit) { return failure }
        var end = await jobThroughLoss(request, of: unit, startMade)
        await freshlyRead(unit)
        // Nothing was begun: the limit on starts, which a result from before can hide.
        if end == .ended("failed"), unit.facts.activeState == "failed", unit.facts.invocation == former {
            if let failure = await resetFailed(unit) { return failure }
            end = await jobThroughLoss(request, of: unit) {}
        }
        if isHostStopping { return .failed("this host is going down", isPermanent: false) }
        if let failure = outcome(of: end, request, unit) { return failure }
        await freshlyRead(unit)
        if unit.facts.isDown, unit.facts.invocation == former {
            return .failed("systemd did not start it: its conditions (Condition…=) are not met", isPermanent: false)
        }
        switch unit.observation(isHostStopping: isHostStopping).liveness {
        case .alive(let identity), .unhealthy(let identity, _): return .up(identity, note: nil)
        case .undetermined(let reason), .handledElsewhere(let reason), .missing(let reason):
            return .failed(reason, isPermanent: false)
        case .dead: return .failed(unit.facts.failedStart, isPermanent: false)
        }
    }

    private func stop(_ unit: WatchedUnit) async -> TargetActionOutcome {
        if let failure = outcome(of: await jobThroughLoss(.stop, of: unit) {}, .stop, unit) { return failure }
        await freshlyRead(unit)
        guard unit.facts.isDown else {
            return .failed("it is not down after its stop job was done", isPermanent: false)
        }
        return .down
    }

    // MARK: - Calls

    /// - Returns: nil when the unit is to be looked at.
    private func outcome(of end: JobEnd, _ request: Request, _ unit: WatchedUnit) -> TargetActionOutcome? {
        switch end {
        case .refused(let error): return refusal(request.verb, of: unit).outcome(of: error)
        case .ended("failed") where unit.facts.isDown && unit.facts.result != "success":
            return .failed(unit.facts.failedStart, isPermanent: false)
        case .ended(let result): return refusal(request.verb, of: unit).outcome(ofJob: result)
        case .lost(let reason): return .failed("what became of it is not known: \(reason)", isPermanent: false)
        case .late:
            return .failed(
                "systemd has not finished the \(request.verb) job within \(Self.patience)", isPermanent: false)
        }
    }

    private func refusal(_ verb: String, of unit: WatchedUnit) -> UnitRefusal {
        let user = geteuid()
        return UnitRefusal(unit: unit.facts.id, verb: verb, user: Account.of(user: user)?.name ?? "\(user)")
    }

    /// A job, seen to its end even if the connection is lost meanwhile: a systemd that starts itself anew goes on with its
    /// jobs (systemctl(1), daemon-reexec) and tells nobody of their ends, but the unit shows them.
    private func jobThroughLoss(
        _ request: Request, of unit: WatchedUnit, _ startMade: @escaping @Sendable () -> Void
    ) async -> JobEnd {
        let former = unit.facts.invocation
        let end = await job(request, of: unit, startMade)
        guard case .lost = end, await isLinked(within: Self.patienceWithLoss), await hasArrived(unit) else {
            return end
        }
        let isDone = request == .stop ? unit.facts.isDown : unit.facts.invocation != former
        return isDone ? .ended("done") : end
    }

    /// Waits until the unit is as its jobs leave it; false when that can't be seen, or takes too long.
    private func hasArrived(_ unit: WatchedUnit) async -> Bool {
        let deadline = BootClock().now.advanced(by: Self.patience)
        let alarm = loop.schedule(at: deadline) { [weak self, id = unit.id] in
            self?.assumeIsolated { $0.units[id]?.wakeWaiters() }
        }
        defer { alarm.cancel() }
        await freshlyRead(unit)
        while unit.isKnown, unit.facts.isOnItsWay, BootClock().now < deadline { await unit.nextReading() }
        return unit.isKnown && !unit.facts.isOnItsWay
    }

    private func job(
        _ request: Request, of unit: WatchedUnit, _ startMade: @escaping @Sendable () -> Void
    ) async -> JobEnd {
        await withCheckedContinuation { continuation in
            guard let bus else { return continuation.resume(returning: .lost("the connection is gone")) }
            // Answered when the job is in the queue.
            bus.call(.manager(request.rawValue)) { message throws(BusError) in
                try message.append(unit.name)
                try message.append(request.mode)
            } then: { [self] reply in
                do throws(BusError) {
                    // Before anything else comes in: the job may have ended already.
                    wait(for: try reply.get().text(), continuation)
                    startMade()
                } catch {
                    continuation.resume(returning: .refused(error))
                }
            }
        }
    }

    private func wait(for job: String, _ continuation: CheckedContinuation<JobEnd, Never>) {
        let alarm = loop.schedule(at: BootClock().now.advanced(by: Self.patience)) { [weak self] in
            self?.assumeIsolated { $0.jobs.removeValue(forKey: job)?.end(.late) }
        }
        jobs[job] = JobWait(continuation, alarm: alarm)
    }

    /// A unit that was started too often is not started before this.
    private func resetFailed(_ unit: WatchedUnit) async -> TargetActionOutcome? {
        let error: BusError? = await withCheckedContinuation { continuation in
            guard let bus else {
                return continuation.resume(returning: BusError(call: "ResetFailedUnit", errno: .socketNotConnected))
            }
            bus.call(.manager("ResetFailedUnit")) { message throws(BusError) in
                try message.append(unit.name)
            } then: { reply in
                switch reply {
                case .success: continuation.resume(returning: nil)
                case .failure(let error): continuation.resume(returning: error)
                }
            }
        }
        return error.map { refusal("reset-failed", of: unit).outcome(of: $0) }
    }
}

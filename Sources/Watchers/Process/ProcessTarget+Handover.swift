import Logging
import Supervision
import SystemPackage
import SystemSupport
import WatcherAPI

/// What becomes of a `start:` command.
extension ProcessTarget {
    /// How long a command that made itself a daemon has until the target is found.
    private static let handoverTime = Duration.seconds(60)

    /// Waits until the target is found, or it is clear that the command itself is the target.
    ///
    /// - Parameter plan: what the command was started with.
    func handover(
        from command: ProcessIdentity, _ plan: LaunchPlan, note: String?
    ) async -> TargetActionOutcome {
        defer { isLaunching = false }
        // One wake-up is enough: the reasons stand beside it.
        let (wakeups, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let listener = hints.listen { continuation.yield() }
        defer { hints.forget(listener) }
        continuation.yield()
        // Nobody may be observing.
        listen()
        defer { rest() }
        let began = host.clock.now
        let alarms = [Self.rewriteDelay, Self.handoverTime].map { delay in
            host.timer.at(began.advanced(by: delay)) { [hints] in hints.raise(.changed) }
        }
        defer { withExtendedLifetime(alarms) {} }
        for await _ in wakeups {
            let seen = look(hints.take(listener))
            if let outcome = outcome(seen, command, after: began.duration(to: host.clock.now), note) {
                return withHeirs(outcome, of: command, plan)
            }
        }
        let interrupted = TargetActionOutcome.failed(
            "interrupted while waiting for the target to be found", isPermanent: false)
        return withHeirs(interrupted, of: command, plan)
    }

    /// After a failure, remembers what the command has left behind: while any of it lives, nothing is started again.
    private func withHeirs(
        _ outcome: TargetActionOutcome, of command: ProcessIdentity, _ plan: LaunchPlan
    ) -> TargetActionOutcome {
        guard case .failed(let reason, let isPermanent) = outcome, let table = try? host.processes.table() else {
            return outcome
        }
        let strangers = host.claimed.lives(besides: id)
        let end = ended?.lastAlive ?? BootClock().now
        let candidates = Heirs.candidates(in: table, of: command, endedBy: end, ancestors: host.ourselves)
        let heirs = candidates.filter { heir in
            guard !strangers.contains(heir), let facts = try? host.processes.facts(of: heir.pid) else { return false }
            let isElsewhere =
                facts.stat.session != command.pid
                && Heirs.isElsewhere(
                    takenBy: try? host.processes.facts(of: facts.stat.parent), own: host.runner.surroundings)
            return facts.stat.startTicks == heir.startTicks && !isElsewhere
                && Heirs.matches(facts, plan, startedBy: host.runner.status.effectiveUser)
        }
        self.note.children = heirs
        guard let heir = heirs.first else { return outcome }
        let told = "\(reason); process \(heir.pid), which it started, runs: nothing is started while it does"
        return .failed(told, isPermanent: isPermanent)
    }

    /// - Returns: nil while it is not clear yet.
    private func outcome(
        _ seen: Observation, _ command: ProcessIdentity, after time: Duration, _ note: String?
    ) -> TargetActionOutcome? {
        switch seen.liveness {
        case .alive(let identity), .unhealthy(let identity, _):
            if identity != command.identity || !self.note.isStandIn { return .up(identity, note: note) }
            guard time >= Self.rewriteDelay else { return nil }
            // It stays in the foreground, and leaves the file to us.
            hints.raise([.changed, .rewriteDue])
            return .up(identity, note: note)
        case .dead(let end):
            switch end.cause {
            case .exit(code: 0) where time < Self.handoverTime: return nil
            case .exit(code: 0):
                let reason = "start: ended with 0, but \(finder.silence) within \(Self.handoverTime)"
                return .failed(reason, isPermanent: false)
            case .exit(let code): return .failed("start: ended with exit status \(code)", isPermanent: false)
            case .signal(let signal): return .failed("start: was ended by signal \(signal)", isPermanent: false)
            // Whoever collects it is about to, as a service manager does; or the kernel never tells, and the target may
            // be there all the same.
            case .unknown where time < (ended?.uncollected == nil ? Self.rewriteDelay : Self.handoverTime): return nil
            case .outOfMemory, .unknown: return .failed("start: ended, and how is not known", isPermanent: false)
            }
        case .missing(let reason), .undetermined(let reason), .handledElsewhere(let reason):
            return time < Self.handoverTime ? nil : .failed(reason, isPermanent: false)
        }
    }
}

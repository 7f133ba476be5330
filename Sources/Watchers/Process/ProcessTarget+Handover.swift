import Logging
import Supervision
import SystemPackage
import SystemSupport
import WatcherAPI

/// What becomes of a `start:` command, and of a PID file that nobody writes.
extension ProcessTarget {
    /// How long a command that made itself a daemon has until its PID file names a live process.
    private static let handoverTime = Duration.seconds(60)

    /// Waits until the PID file names a live process, or it is clear that the command itself is the target.
    ///
    /// - Parameter environment: what the command was started with.
    func handover(
        from command: ProcessIdentity, _ environment: [ByteText], note: String?
    ) async -> TargetActionOutcome {
        defer { isLaunching = false }
        let wakeups = hints.subscribe()
        defer { hints.unsubscribe(wakeups) }
        // Nobody may be observing.
        let fileWatch = host.events?.watch(file) { [hints] hint in
            hints.raise(hint == .closed ? [.changed, .fileClosed] : .changed)
        }
        defer { fileWatch?.cancel() }
        let began = host.clock.now
        let alarms = [Self.rewriteDelay, Self.handoverTime].map { delay in
            host.timer.at(began.advanced(by: delay)) { [hints] in hints.raise(.changed) }
        }
        defer { withExtendedLifetime(alarms) {} }
        for await _ in wakeups.wakeups {
            let seen = look(hints.take())
            if let outcome = outcome(seen, command, after: began.duration(to: host.clock.now), note) {
                return withHeirs(outcome, of: command, environment)
            }
        }
        let interrupted = TargetActionOutcome.failed("interrupted while waiting for the PID file", isPermanent: false)
        return withHeirs(interrupted, of: command, environment)
    }

    /// After a failure, remembers what the command has left behind: while any of it lives, nothing is started again.
    private func withHeirs(
        _ outcome: TargetActionOutcome, of command: ProcessIdentity, _ environment: [ByteText]
    ) -> TargetActionOutcome {
        guard case .failed(let reason, let isPermanent) = outcome, let table = try? host.processes.table() else {
            return outcome
        }
        let strangers = host.claimed.lives(besides: id)
        let end = ended?.lastAlive ?? BootClock().now
        let candidates = Heirs.candidates(in: table, of: command, endedBy: end, ancestors: host.ourselves)
        let heirs = candidates.filter { heir in
            guard !strangers.contains(heir), let facts = try? host.processes.facts(of: heir.pid) else { return false }
            return facts.stat.startTicks == heir.startTicks && Heirs.matches(facts, environment, host.runner.status)
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
                let reason = "start: ended with 0, but the PID file named no live process within \(Self.handoverTime)"
                return .failed(reason, isPermanent: false)
            case .exit(let code): return .failed("start: ended with exit status \(code)", isPermanent: false)
            case .signal(let signal): return .failed("start: was ended by signal \(signal)", isPermanent: false)
            case .outOfMemory, .unknown: return .failed("start: ended, and how is not known", isPermanent: false)
            }
        case .missing(let reason), .undetermined(let reason), .handledElsewhere(let reason):
            return time < Self.handoverTime ? nil : .failed(reason, isPermanent: false)
        }
    }

    /// Writes the PID file for a program that was started again and has not done it itself.
    func rewritePIDFile() {
        guard let life, note.isStandIn, pidFile.stamp == note.stamp else { return }
        guard let permissions = PIDFile.permissionsForRewriting(file, user: host.runner.status.effectiveUser) else {
            return
        }
        do {
            try replaceFile(file, with: Array("\(life.identity.pid)\n".utf8), permissions: permissions)
        } catch {
            host.logger.info("PID file can't be rewritten", metadata: metadata.merging(["error": "\(error)"]) { $1 })
        }
    }
}

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
    func handover(from command: ProcessIdentity, note: String?) async -> TargetActionOutcome {
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
            if let outcome = outcome(seen, command, after: began.duration(to: host.clock.now), note) { return outcome }
        }
        return .failed("interrupted while waiting for the PID file", isPermanent: false)
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
        let runner = host.runner.status.effectiveUser
        let ids = note.recipe?.ids
        guard let new = PIDFile.rewriting(file, user: ids?.user ?? runner, runner: runner) else { return }
        func replace() throws(Errno) {
            try replaceFile(file, with: Array("\(life.identity.pid)\n".utf8), permissions: new.permissions)
        }
        do {
            // With no more rights than its owner has, whatever the directory has become.
            if let ids, new.owner != runner { try withFileIDs(ids, replace) } else { try replace() }
        } catch {
            host.logger.info("PID file can't be rewritten", metadata: metadata.merging(["error": "\(error)"]) { $1 })
        }
    }
}

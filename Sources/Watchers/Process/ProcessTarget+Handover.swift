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
    func handover(from command: ProcessIdentity, note: String?) async -> TargetActionOutcome {
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
            if let outcome = outcome(seen, command, after: began.duration(to: host.clock.now), note) { return outcome }
        }
        return .failed("interrupted while waiting for the target to be found", isPermanent: false)
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
            case .outOfMemory, .unknown: return .failed("start: ended, and how is not known", isPermanent: false)
            }
        case .missing(let reason), .undetermined(let reason), .handledElsewhere(let reason):
            return time < Self.handoverTime ? nil : .failed(reason, isPermanent: false)
        }
    }
}

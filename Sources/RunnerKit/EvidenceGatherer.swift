import NIOConcurrencyHelpers
import Supervision
import SystemSupport
import WatcherAPI

/// Looks into deaths, beside the restarts and never in their way.
struct EvidenceGatherer<C: Clock>: Sendable where C.Instant == BootInstant {
    /// How long the last lines may take; later ones are not waited for.
    static var patience: Duration { .milliseconds(500) }

    let clock: C

    /// Adds the last lines that the target wrote, without secrets.
    func complete(
        _ evidence: Evidence, of target: TargetID, lines count: Int, from tail: any OutputTail
    ) async -> Evidence {
        let found = NIOLockedValueBox<[String]?>(nil)
        let signal = WakeSignal()
        // Nobody awaits it longer than the patience: a file on a disk that hangs can't be given up.
        let reading = Task {
            if let output = await tail.lastOutput(of: target, lines: count) {
                let lines = SecretMask.lines(of: output, last: count)
                found.withLockedValue { $0 = lines }
            }
            signal.raise()
        }
        await signal.wait(until: clock.now.advanced(by: Self.patience), clock: clock)
        reading.cancel()
        var evidence = evidence
        evidence.lines = found.withLockedValue { $0 }
        return evidence
    }
}

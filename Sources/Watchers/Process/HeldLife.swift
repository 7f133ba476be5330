import Supervision
import SystemSupport

/// The life of a target while it lasts: held by its pidfd, watched for its end.
struct HeldLife: Sendable {
    var identity: ProcessIdentity
    var handle: ProcessHandle
    /// Nil when the system gave no place to wait: then the slow re-read sees its end.
    var exit: ProcessExitEvent?
    var memoryMB: Double?
    /// The program that was read in full, and how often it was only glanced at since.
    var program: ProgramPlace?
    var glances = 0
    /// Its parent, unless that is init or the runner.
    var parent: ProcessIdentity?
}

/// The life of a target that has ended, and what is known of it.
struct EndedLife: Sendable {
    var identity: ProcessIdentity
    var cause: End.Cause
    var isDeliberate: Bool
    /// How long somebody else has to bring it back, however it ended.
    var leastGrace: Duration
    /// Nil when how it ended is known, or never will be.
    var uncollected: UncollectedLife?
    /// When it was told; nil when it had ended before we looked.
    var noticed: BootInstant?
    /// The boot clock's ticks when it was last known to live.
    var lastAlive: BootInstant

    /// Until it is known how it ended.
    var grace: Duration { uncollected == nil ? leastGrace : max(leastGrace, UncollectedLife.patience) }

    var end: End { End(identity: identity.identity, cause: cause, isDeliberate: isDeliberate) }
}

/// The life of a target that its parent has not collected: how it ended is told after that.
struct UncollectedLife: Sendable {
    /// For how long a restart waits for it.
    static let patience = Duration.seconds(5)

    var handle: ProcessHandle
    /// Nil when the system gave no place to wait: then the slow re-read asks.
    var collection: ProcessExitEvent?
}

extension End.Cause {
    /// What the kernel told.
    init(_ status: ExitStatus) {
        self =
            switch status {
            case .exited(let code): .exit(code: code)
            case .signalled(let signal): .signal(signal)
            case .running, .uncollected, .unknown: .unknown
            }
    }
}

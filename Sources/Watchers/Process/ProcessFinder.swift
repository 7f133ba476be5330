import Supervision
import SystemPackage
import SystemSupport

/// Says which process is the target. The life itself, its end and its new start are the target's (`ProcessTarget`).
///
/// Confined to the target's actor.
protocol ProcessFinder: AnyObject {
    /// What did not happen when a program that was started is not found, in words.
    var silence: String { get }
    /// The PID file as it was last read.
    var stamp: FileStamp? { get }
    /// Since when what named the process is gone.
    var removed: BootInstant? { get }
    /// What kept the last reading from seeing all, and will pass.
    var shortage: Errno? { get }
    /// A look would say no more than that nobody has looked yet.
    var isUnread: Bool { get }

    /// Goes by other settings.
    func take(_ settings: TargetSettings)

    /// Raises hints whenever the answer may have changed, until `rest`.
    func listen()
    func rest()
    /// Brings up to date what takes too long for a look; only while no life is held.
    func refresh() async
    /// Reads the truth, without waiting.
    func read(_ reasons: TargetHints.Reasons, _ known: KnownLife)
    /// What was read means, with a handle on the life that is told if it was not held before.
    func judge(_ known: KnownLife) -> (ProcessJudgement, ProcessHandle?)
    /// Why nothing may be started just now, by what was last read.
    func hindrance(_ known: KnownLife) -> String?

    /// Why nothing could be started if the life that is held ended now, as far as that can be known while it lives.
    func hindranceOnceEnded(_ known: KnownLife) -> String?

    /// Notes what names the life that is held.
    func noteName(of life: ProcessIdentity, in note: inout ProcessNote)
    /// Notes by which features the program of the life that is held will be known again.
    func noteFeatures(_ facts: ProcessFacts, in note: inout ProcessNote)
    /// Does what a program that was started again has not done itself to be found, once it had its time.
    func announce(_ life: ProcessIdentity, in note: inout ProcessNote)
}

extension ProcessFinder {
    /// No setting matters to it.
    func take(_ settings: TargetSettings) {}
}

/// What a target knows of its own life when it asks which process it is.
struct KnownLife {
    var note: ProcessNote
    /// The life that is held.
    var held: ProcessIdentity?
    var ended: EndedLife?
    /// Its children at the last looks.
    var children: Set<ProcessIdentity>

    /// As it is going to be when the life that is held has ended.
    var onceEnded: KnownLife {
        var known = self
        known.held = nil
        known.ended =
            ended
            ?? held.map {
                EndedLife(
                    identity: $0, cause: .unknown, isDeliberate: false, leastGrace: .zero, noticed: nil,
                    lastAlive: $0.began)
            }
        return known
    }

    var remembered: RememberedLife? {
        guard held != nil || ended != nil else { return nil }
        return note.life.map {
            RememberedLife(identity: $0, isAlive: held != nil, stamp: note.stamp, isStandIn: note.isStandIn)
        }
    }
}

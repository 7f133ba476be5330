package import Supervision

/// The strategy that observes all targets of one kind.
package protocol Watcher: OutputTail {
    /// Reports each target's state at once, then after every change, until cancelled. No two observations of one target
    /// run at once.
    ///
    /// An implementation must guarantee:
    /// - The first report comes without waiting for an event. Events are hints; what is then read is the truth, and it
    ///   subscribes before it reads, so that nothing falls between.
    /// - The reports of one target come one after the other; equal ones in a row may be left out. No target waits for
    ///   another.
    /// - What it can't ask is `undetermined` with the reason, never `dead`. It comes back to a lost source by itself,
    ///   reads the truth again, and misses no death in the gap. What can never be observed is `undetermined`, too.
    /// - After an action of `TargetController` has ended, what changed by it is reported like any other change.
    /// - A target at rest costs no task.
    /// - Cancellation ends it promptly and gives back all that it held for these targets.
    func observe(_ targets: [TargetID], _ report: @escaping @Sendable (TargetID, Observation) -> Void) async

    /// Takes what its targets are from now on, with their settings. What is new is observed by the observation under way;
    /// what is not among them any more is let go of, and has nothing in hand; what stays is not touched, and goes by its
    /// new settings. Returns when that is so.
    func adopt(_ targets: [TargetID: TargetSettings]) async
}

package import Supervision

/// The strategy that observes all targets of one kind.
package protocol Watcher: Sendable {
    /// Reports a target's state at once, then after every change, until cancelled.
    ///
    /// An implementation must guarantee:
    /// - The first report comes without waiting for an event. Events are hints; what is then read is the truth, and it
    ///   subscribes before it reads, so that nothing falls between.
    /// - A report awaits the one before it; equal reports in a row may be left out.
    /// - What it can't ask is `undetermined` with the reason, never `dead`. It comes back to a lost source by itself,
    ///   reads the truth again, and misses no death in the gap.
    /// - After an action of `TargetController` has ended, what changed by it is reported like any other change.
    /// - Cancellation ends it promptly and gives back all that it held for this target.
    ///
    /// - Throws: only when this target can never be observed; the text is for a person.
    func observe(_ target: TargetID, _ report: (Observation) async -> Void) async throws
}

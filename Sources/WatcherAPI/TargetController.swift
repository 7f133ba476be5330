package import Supervision

/// Starts and stops the targets of one kind.
package protocol TargetController: Sendable {
    /// Carries out one action and returns when it has ended and its effect was verified.
    ///
    /// The caller never has two actions on one target at once. An implementation must guarantee:
    /// - It acts on the target named, by identity, and on nothing else; in doubt it does nothing and fails.
    /// - `recover` of what is found alive changes nothing and tells that life. Two copies never run.
    /// - A `restart` or `stop` of what is found dead may change nothing and tell that end, so that no death goes unheard.
    /// - Once a `restart` has sent its first signal, it goes on to the start even when cancelled.
    /// - A failure is an outcome, not a trap: it says what a person can do, and whether trying again can help.
    ///
    /// - Parameter startMade: called when all is started and only waiting is left, so that other starts may begin.
    func perform(
        _ action: TargetAction, on target: TargetID, startMade: @escaping @Sendable () -> Void
    ) async -> TargetActionOutcome

    /// Asks whether the target may be started and stopped, and changes nothing.
    ///
    /// - Returns: what is against it and what a person can do; nil when nothing is known.
    func obstacle(to target: TargetID) async -> String?
}

extension TargetController {
    /// Knows nothing.
    package func obstacle(to target: TargetID) async -> String? { nil }
}

/// The three things that can be done to a target.
package enum TargetAction: String, Sendable, Hashable, Codable, CaseIterable {
    /// Start what is dead.
    case recover
    /// Stop what lives, then start it; start what is dead.
    case restart
    /// End it, and see it ended.
    case stop
}

/// How an action ended.
package enum TargetActionOutcome: Sendable, Hashable {
    /// It is up, as this life. `note` is something a person should know of how.
    case up(Identity, note: String?)
    /// It is down.
    case down
    /// It is down, and something that belonged to it is not, in words.
    case downLeaving(String)
    /// Somebody else wanted it down and came in between, with what is known of it: it stays down.
    case overruled(String)
    /// Nothing was begun: it had ended by itself before anything could be done.
    case foundEnded(End)
    /// Nothing was begun, because of something that can go away by itself: what is left of its former life, a full disk.
    case blocked(String)
    /// It did not succeed. `isPermanent`: trying again can't help.
    case failed(String, isPermanent: Bool)
}

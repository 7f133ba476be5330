/// How one target is to be treated.
package struct TargetSettings: Sendable, Hashable {
    package var policy: RestartPolicy
    package var backoff: Backoff
    /// Replaces the watcher's own grace when set.
    package var grace: Duration?
    /// The command that starts it, executable first; only for process targets.
    package var start: [String]?
    /// Whose processes count, and whom `start` runs as; nil for everybody's, and for the user that the target ran as.
    package var user: UInt32?
    /// How many of its last lines follow a death; 0 for none, and no evidence of its own.
    package var logTail: Int

    package init(
        policy: RestartPolicy = .unlessStopped, backoff: Backoff = Backoff(), grace: Duration? = nil,
        start: [String]? = nil, user: UInt32? = nil, logTail: Int = 0
    ) {
        self.policy = policy
        self.backoff = backoff
        self.grace = grace
        self.start = start
        self.user = user
        self.logTail = logTail
    }
}

/// What a watcher saw of a target, at one moment.
package struct Observation: Sendable, Hashable {
    package enum Liveness: Sendable, Hashable {
        case alive(Identity)
        /// Alive, and failing its own health check, with the reason.
        indirect case unhealthy(Identity, String)
        indirect case dead(End)
        /// There is nothing of that name, and nothing is remembered of it; with the reason.
        case missing(String)
        /// It can't be told: the source can't be asked, or what it says is doubtful or ambiguous. *Unknown is not down.*
        case undetermined(String)
        /// Its own supervisor is bringing it back: hands off.
        case handledElsewhere(String)
    }

    package var liveness: Liveness
    /// How it ended, if it is down.
    var end: End? { if case .dead(let end) = liveness { end } else { nil } }
    package var memoryMB: Double?
    /// Why this target could not be started again; nil when it can.
    package var obstacle: String?
    /// Something a person should know although the target lives, for instance a PID file that is gone.
    package var concern: String?
    /// What a living target is, in words, when it is no process: "ended well".
    @Rare package var remark: String?
    /// How long to wait, after this death, for somebody else to bring it back, or to learn how it ended.
    package var grace: Duration
    /// How the life before this one ended, where that is known: of a death that was told without it, or that no
    /// `dead` told, because its own supervisor was at it at once.
    @Rare package var former: End?

    package init(
        _ liveness: Liveness, memoryMB: Double? = nil, obstacle: String? = nil, concern: String? = nil,
        grace: Duration = .zero, former: End? = nil
    ) {
        self.liveness = liveness
        self.memoryMB = memoryMB
        self.obstacle = obstacle
        self.concern = concern
        self.grace = grace
        self.former = former
    }
}

/// How one life of a target ended, as far as it is known. Never guessed.
package struct End: Sendable, Hashable, Codable {
    package enum Cause: Sendable, Hashable, Codable {
        case exit(code: Int32)
        case signal(Int32)
        /// The kernel's out-of-memory killer.
        case outOfMemory
        case unknown
    }

    /// Which life ended; nil when it is not known.
    package var identity: Identity?
    package var cause: Cause
    /// Somebody stopped it on purpose, and the platform told so.
    package var isDeliberate: Bool
    /// What the platform adds, in words that can follow a semicolon: "its watchdog timed out".
    package var detail: String?

    package init(identity: Identity?, cause: Cause, isDeliberate: Bool = false, detail: String? = nil) {
        self.identity = identity
        self.cause = cause
        self.isDeliberate = isDeliberate
        self.detail = detail
    }
}

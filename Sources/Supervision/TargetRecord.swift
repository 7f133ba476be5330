package import WireProtocol

/// What is kept on disk of a target, so that a runner that ended at any moment goes on where it was.
package struct TargetRecord: Sendable, Hashable, Codable {
    /// What was in hand.
    package enum Phase: Sendable, Hashable, Codable {
        case idle
        /// A restart waits for its time.
        case waiting(due: BootInstant)
        /// An action was begun. `before` is the life it began with.
        indirect case operating(TargetAction, before: Identity?, command: CommandKey?)
        /// It came up and has not stayed up long enough yet.
        indirect case settling(command: CommandKey?)
    }

    /// What was told of a target that is down and stays down.
    package struct Rest: Sendable, Hashable, Codable {
        package var status: HeartbeatStatus
        package var message: String?

        package init(status: HeartbeatStatus, message: String?) {
            self.status = status
            self.message = message
        }
    }

    /// The boot in which the instants below mean something.
    package var bootID: String
    /// The life that was up when last seen; nil when it was down.
    package var life: Identity?
    /// A `stop` command holds it down.
    package var isHeld: Bool
    /// A person wants nothing restarted by policy.
    package var pause: Pause?
    /// Somebody else stopped it on purpose, and it has not come up since; nil is no.
    package var isStoppedByOthers: Bool?
    package var attempt: Int
    package var window: FailureWindow
    package var phase: Phase
    @Rare package var rest: Rest?
    /// The end that was told last, of a target that is down or left to its own supervisor: the next runner must neither tell
    /// it anew nor take it, as it finds it, for somebody's stop.
    @Rare package var toldEnd: End?

    package init(
        bootID: String, life: Identity? = nil, isHeld: Bool = false, pause: Pause? = nil,
        isStoppedByOthers: Bool? = nil, attempt: Int = 0, window: FailureWindow = FailureWindow(), phase: Phase = .idle,
        rest: Rest? = nil, toldEnd: End? = nil
    ) {
        self.bootID = bootID
        self.life = life
        self.isHeld = isHeld
        self.pause = pause
        self.isStoppedByOthers = isStoppedByOthers
        self.attempt = attempt
        self.window = window
        self.phase = phase
        self.rest = rest
        self.toldEnd = toldEnd
    }
}

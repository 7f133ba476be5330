import Supervision

/// One process, container or unit: the truth about it.
final class SimulatedTarget: @unchecked Sendable {
    /// One life, from a start to its end.
    struct Life {
        var identity: Identity
        var began: Moment
    }

    let id: TargetID
    let settings: TargetSettings
    let agent: String
    /// More than one would be two copies.
    var lives: [Life] = []
    var isUnhealthy = false
    /// How its last life ended; nil when nothing is remembered.
    var lastEnd: End?
    /// When the platform tells how it ended; processes are told of late.
    var endKnown: Moment = 0
    /// It can't be judged, for a reason of its own.
    var isDoubtful = false
    /// Its own supervisor is at it.
    var isHandledElsewhere = false
    /// Until then, each life ends soon after it began.
    var crashesUntil: Moment = 0
    /// Until then, starts fail.
    var startsFailUntil: Moment = 0
    /// The engine, or a runner of before, is still at it.
    var jobs = 0

    init(_ target: WatchedTarget, _ settings: TargetSettings) {
        id = target.id
        agent = target.agent
        self.settings = settings
    }

    var life: Life? { lives.last }
    var isAlive: Bool { !lives.isEmpty }
    var watched: WatchedTarget { WatchedTarget(id: id, agent: agent) }
}

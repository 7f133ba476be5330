package import WireProtocol

/// One reporter of one agent, with its own last heartbeat, interval and silence timer.
package struct Instance: Sendable, Hashable {
    /// Who reports: code inside the agent, or a runner beside it.
    package enum Source: String, Sendable, Hashable {
        case sdk, runner
    }

    /// What is known of it now.
    package enum Phase: Sendable, Hashable {
        /// The last heartbeat counts.
        case heard(HeartbeatStatus)
        /// Its runner began a new life and has until then to report it again.
        case awaited(until: Duration)
        /// Its runner ended in good order.
        case left
        /// Nothing came in time.
        case silent
        /// Nobody reports it any more and nobody should miss it. Kept, so that a late message cannot revive it.
        case removed
    }

    /// A silence that was told and is not over.
    package struct Outage: Sendable, Hashable {
        /// The last heartbeat before it.
        package var since: Moment
        /// Told as part of a silent runner, so its end is not told for each agent either.
        package var isPartOfRunner: Bool

        package init(since: Moment, isPartOfRunner: Bool) {
            self.since = since
            self.isPartOfRunner = isPartOfRunner
        }
    }

    package var id: InstanceID
    package var source: Source
    package var phase: Phase
    /// Receipt of the newest heartbeat.
    package var lastHeard: Moment
    package var interval: Duration?
    package var seq: Int64?
    package var message: String?
    package var memoryMB: Double?
    package var restart: RestartAddress?
    package var outage: Outage?
    /// When it counts as silent; nil while nothing is due.
    package var due: Duration?

    package init(
        id: InstanceID, source: Source, phase: Phase, lastHeard: Moment, interval: Duration? = nil, seq: Int64? = nil,
        message: String? = nil, memoryMB: Double? = nil, restart: RestartAddress? = nil, outage: Outage? = nil,
        due: Duration? = nil
    ) {
        self.id = id
        self.source = source
        self.phase = phase
        self.lastHeard = lastHeard
        self.interval = interval
        self.seq = seq
        self.message = message
        self.memoryMB = memoryMB
        self.restart = restart
        self.outage = outage
        self.due = due
    }

    /// What it contributes to its agent's status; nil once it is removed.
    package var status: AgentStatus? {
        switch phase {
        case .heard(let status): AgentStatus(status)
        case .awaited, .left: .unknown
        case .silent: .down
        case .removed: nil
        }
    }

    /// Whether somebody is there to carry out a command.
    package var isLive: Bool {
        switch phase {
        case .heard, .awaited: true
        case .left, .silent, .removed: false
        }
    }
}

/// What a command must name: the watcher's type and the text after `TYPE:` exactly as typed.
package struct RestartAddress: Sendable, Hashable {
    package var type: String
    package var target: String

    package init(type: String, target: String) {
        self.type = type
        self.target = target
    }
}

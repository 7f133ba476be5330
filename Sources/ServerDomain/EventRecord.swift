package import WireProtocol

/// One line of a project's history of changes.
package struct EventRecord: Sendable, Hashable {
    package var id: Int64
    package var project: ProjectID
    /// When it happened, by the sender's account.
    package var at: WireTime
    package var receivedAt: WireTime
    package var agent: AgentID?
    package var agentName: String?
    package var runner: RunnerID?
    package var kind: String
    package var message: String?
    package var data: EventData

    package init(
        id: Int64, project: ProjectID, at: WireTime, receivedAt: WireTime, agent: AgentID? = nil,
        agentName: String? = nil, runner: RunnerID? = nil, kind: String, message: String? = nil,
        data: EventData = EventData()
    ) {
        self.id = id
        self.project = project
        self.at = at
        self.receivedAt = receivedAt
        self.agent = agent
        self.agentName = agentName
        self.runner = runner
        self.kind = kind
        self.message = message
        self.data = data
    }
}

/// What is known beyond the kind of an event; absent means not known.
package struct EventData: Sendable, Hashable, Codable {
    package var exitCode: Int?
    package var signal: Int?
    package var oom: Bool?
    package var pid: Int?
    package var attempt: Int?
    package var nextAttemptIn: Double?
    package var status: String?
    package var previousStatus: String?
    package var silentFor: Double?
    package var agents: Int?
    package var hostname: String?
    package var version: String?
    package var commandID: Int64?
    package var action: String?

    package init() {}

    /// Copies what a sender knew.
    package init(_ event: HeartbeatEvent) {
        exitCode = event.exitCode
        signal = event.signal
        oom = event.oom
        pid = event.pid
        attempt = event.attempt
        nextAttemptIn = event.nextAttemptIn
    }

    package enum CodingKeys: String, CodingKey {
        case signal, oom, pid, attempt, status, agents, hostname, version, action
        case exitCode = "exit_code"
        case nextAttemptIn = "next_attempt_in"
        case previousStatus = "previous_status"
        case silentFor = "silent_for"
        case commandID = "command_id"
    }
}

/// The events that the server itself makes.
package enum ServerEventKind: String, Sendable, Hashable {
    case silent
    case heardAgain = "heard_again"
    case runnerStarted = "runner_started"
    case runnerStopped = "runner_stopped"
    case runnerSilent = "runner_silent"
    case commandQueued = "command_queued"
    case commandDelivered = "command_delivered"
    case commandCompleted = "command_completed"
    case commandFailed = "command_failed"
    case commandRejected = "command_rejected"
    case commandExpired = "command_expired"
}

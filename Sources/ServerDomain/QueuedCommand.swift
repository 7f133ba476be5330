package import WireProtocol

/// A restart or stop on its way to the runner that watches the agent.
package struct QueuedCommand: Sendable, Hashable {
    package enum State: String, Sendable, Hashable, CaseIterable {
        case queued, delivered, completed, failed, rejected, expired, cancelled

        /// Whether it may still be carried out.
        package var isOpen: Bool { self == .queued || self == .delivered }
    }

    package var id: CommandID
    package var project: ProjectID
    package var agent: AgentID
    package var runner: RunnerID?
    package var action: CommandAction
    package var address: RestartAddress
    package var state: State
    package var issuedAt: Moment
    /// The newest delivery; nil when it was never handed out.
    package var deliveredAt: Duration?
    package var resultMessage: String?
    /// Whether a result came; the first one stands.
    package var hasResult: Bool

    package init(
        id: CommandID, project: ProjectID, agent: AgentID, runner: RunnerID?, action: CommandAction,
        address: RestartAddress, state: State = .queued, issuedAt: Moment, deliveredAt: Duration? = nil,
        resultMessage: String? = nil, hasResult: Bool = false
    ) {
        self.id = id
        self.project = project
        self.agent = agent
        self.runner = runner
        self.action = action
        self.address = address
        self.state = state
        self.issuedAt = issuedAt
        self.deliveredAt = deliveredAt
        self.resultMessage = resultMessage
        self.hasResult = hasResult
    }
}

/// Says when a command is offered and when it is too late for it.
package enum CommandPolicy {
    /// After this it must no longer be carried out.
    package static let lifetime: Duration = .seconds(15 * 60)
    /// A runner that took a command and said nothing is asked again after this.
    package static let redelivery: Duration = .seconds(120)
    /// How long a finished command is remembered for a late or repeated result.
    package static let memory: Duration = .seconds(7 * 86_400)

    /// Whether the same command again would only double this one.
    ///
    /// One that was handed out and not answered for long may be lost: then a person may ask again.
    package static func isUnderway(_ command: QueuedCommand, at now: Duration) -> Bool {
        guard command.state.isOpen, now < command.issuedAt.steady + lifetime else { return false }
        guard command.state == .delivered, let delivered = command.deliveredAt else { return true }
        return now < delivered + redelivery
    }

    /// Whether a poll at `now` gets `command`.
    ///
    /// A runner with an id keeps a ledger and may be asked again. Clients without one act on every repeat, so they
    /// are asked once.
    package static func isOffered(_ command: QueuedCommand, at now: Duration) -> Bool {
        guard command.state.isOpen, now < command.issuedAt.steady + lifetime else { return false }
        guard command.state == .delivered else { return true }
        guard command.runner != nil else { return false }
        guard let delivered = command.deliveredAt else { return true }
        return now >= delivered + redelivery
    }
}

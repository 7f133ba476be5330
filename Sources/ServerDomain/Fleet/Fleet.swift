import WireProtocol

/// All that one project knows now: agents, their reporters, runners and open commands.
///
/// A value without input or output. Every change goes through a `Turn`, which gives the time and collects what must be
/// written; the store's rows and this value say the same at every commit.
package struct Fleet: Sendable {
    package let project: ProjectID
    /// Whether unknown agents are refused instead of created.
    package var isStrict: Bool
    package internal(set) var agents: [AgentID: Agent] = [:]
    package internal(set) var instances: [InstanceID: Instance] = [:]
    package internal(set) var runners: [RunnerID: Runner] = [:]
    package internal(set) var commands: [CommandID: QueuedCommand] = [:]
    /// When something may be due; never later than the first deadline.
    package internal(set) var nextDeadline: Duration?
    var agentsByName: [String: AgentID] = [:]
    /// The commands still to be handed out or answered, oldest first.
    var openCommands: [CommandID] = []

    package init(project: ProjectID, isStrict: Bool = false) {
        self.project = project
        self.isStrict = isStrict
    }

    /// Finds an agent by the name its senders give it.
    package func agent(named name: String) -> Agent? {
        agentsByName[name].flatMap { agents[$0] }
    }

    /// Lists those who report one agent now.
    package func reporters(of agent: Agent) -> [Instance] {
        agent.reporters.compactMap { instances[InstanceID(agent: agent.id, runner: $0)] }
            .filter { $0.phase != .removed }
    }

    /// Decides what the server says of an agent.
    package func status(of agent: Agent) -> AgentStatus {
        AgentStatus.worst(of: reporters(of: agent).compactMap(\.status))
    }

    // MARK: - Changing rows

    mutating func write(_ agent: Agent, _ turn: inout Turn) {
        agents[agent.id] = agent
        turn.changes.agents[agent.id] = agent
        turn.rings.insert(.fleet(project))
    }

    mutating func write(_ instance: Instance, _ turn: inout Turn) {
        instances[instance.id] = instance
        turn.changes.instances[instance.id] = instance
        turn.rings.insert(.fleet(project))
        note(deadline: instance.deadline, &turn)
    }

    mutating func write(_ runner: Runner, _ turn: inout Turn) {
        runners[runner.id] = runner
        turn.changes.runners[runner.id] = runner
    }

    mutating func write(_ command: QueuedCommand, _ turn: inout Turn) {
        commands[command.id] = command
        turn.changes.commands[command.id] = command
        turn.rings.insert(.fleet(project))
        if command.state.isOpen { note(deadline: command.issuedAt.steady + CommandPolicy.lifetime, &turn) }
    }

    /// Moves the next look forward when something is due earlier than all before.
    mutating func note(deadline: Duration?, _ turn: inout Turn) {
        guard let deadline, deadline < nextDeadline ?? .seconds(Int64.max) else { return }
        nextDeadline = deadline
        turn.rings.insert(.deadline)
    }

    /// Adds a line to the project's history.
    func tell(
        _ kind: String, at time: WireTime? = nil, agent: Agent? = nil, runner: RunnerID? = nil, message: String? = nil,
        data: EventData = EventData(), _ turn: inout Turn
    ) {
        turn.changes.events.append(
            EventRecord(
                id: turn.identifiers.makeEventID(), project: project, at: time ?? turn.now.wall,
                receivedAt: turn.now.wall, agent: agent?.id, agentName: agent?.name, runner: runner, kind: kind,
                message: message, data: data))
    }
}

extension Instance {
    /// When its phase changes by itself.
    var deadline: Duration? {
        switch phase {
        case .heard: due
        case .awaited(let until): until
        case .left, .silent, .removed: nil
        }
    }
}

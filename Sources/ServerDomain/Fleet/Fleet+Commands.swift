package import WireProtocol

/// Why a command was not queued.
package enum QueueRefusal: Error, Sendable, Hashable {
    case unknownAgent
    case unknownRunner
    case noRunner
    /// Several runners watch it and none was named.
    case ambiguous([RunnerID])
    case alreadyQueued(CommandID)
}

extension Fleet {
    /// Queues a restart or stop for the runner that watches the agent.
    ///
    /// - Parameter runner: Which one, when several watch it.
    package mutating func queue(
        _ action: CommandAction, for agentID: AgentID, runner: RunnerID?, _ turn: inout Turn
    ) -> Result<QueuedCommand, QueueRefusal> {
        guard let agent = agents[agentID] else { return .failure(.unknownAgent) }
        let live = reporters(of: agent).filter { $0.source == .runner && $0.isLive && $0.restart != nil }
        let chosen = runner.map { name in live.filter { $0.id.runner == name } } ?? live
        guard chosen.count <= 1 else { return .failure(.ambiguous(chosen.compactMap(\.id.runner))) }
        guard let instance = chosen.first, let address = instance.restart else {
            return .failure(runner == nil || live.isEmpty ? .noRunner : .unknownRunner)
        }
        let twin = openCommands.compactMap { commands[$0] }.first {
            $0.agent == agentID && $0.action == action && $0.runner == instance.id.runner
                && CommandPolicy.isUnderway($0, at: turn.now.steady)
        }
        if let twin { return .failure(.alreadyQueued(twin.id)) }
        let command = QueuedCommand(
            id: turn.identifiers.makeCommandID(), project: project, agent: agentID, runner: instance.id.runner,
            action: action, address: address, issuedAt: turn.now)
        openCommands.append(command.id)
        write(command, &turn)
        turn.rings.insert(.commands(project, command.runner))
        tell(.commandQueued, command, message: nil, &turn)
        return .success(command)
    }

    /// Whether a poll would get anything; asked before a turn is spent on it.
    package func hasCommands(for runner: RunnerID?, at now: Duration) -> Bool {
        openCommands.contains { id in
            commands[id].map { $0.runner == runner && CommandPolicy.isOffered($0, at: now) } ?? false
        }
    }

    /// When a command that was handed out is offered to this runner again.
    package func nextRedelivery(for runner: RunnerID?) -> Duration? {
        guard runner != nil else { return nil }
        return openCommands.compactMap { commands[$0] }.filter { $0.runner == runner }
            .compactMap(\.deliveredAt).map { $0 + CommandPolicy.redelivery }.min()
    }

    /// Hands out what waits for a runner, or for clients without an id; oldest first.
    package mutating func takeCommands(for runner: RunnerID?, _ turn: inout Turn) -> [QueuedCommand] {
        var taken: [QueuedCommand] = []
        for id in openCommands {
            guard var command = commands[id], command.runner == runner,
                CommandPolicy.isOffered(command, at: turn.now.steady)
            else { continue }
            let isFirst = command.state == .queued
            command.state = .delivered
            command.deliveredAt = turn.now.steady
            write(command, &turn)
            if isFirst { tell(.commandDelivered, command, message: nil, &turn) }
            taken.append(command)
        }
        return taken
    }

    /// Takes in a result. The first one stands, also after the expiry; repeating it changes nothing.
    ///
    /// - Parameter runner: Whose result it is; nil from a client without an id.
    /// - Returns: Whether the command is known, and that runner's.
    package mutating func finish(
        _ id: CommandID, _ status: CommandResult.Status, message: String?, by runner: RunnerID?, _ turn: inout Turn
    ) -> Bool {
        guard var command = commands[id] else { return false }
        if let owner = command.runner, let runner, owner != runner { return false }
        guard !command.hasResult else { return true }
        command.hasResult = true
        command.resultMessage = message
        let kind: ServerEventKind
        switch status {
        case .completed: (command.state, kind) = (.completed, .commandCompleted)
        case .failed: (command.state, kind) = (.failed, .commandFailed)
        case .rejected: (command.state, kind) = (.rejected, .commandRejected)
        }
        openCommands.removeAll { $0 == id }
        write(command, &turn)
        tell(kind, command, message: message, &turn)
        return true
    }

    mutating func expireCommands(_ turn: inout Turn) {
        for id in openCommands {
            guard var command = commands[id], command.issuedAt.steady + CommandPolicy.lifetime <= turn.now.steady
            else { continue }
            let wasDelivered = command.state == .delivered
            command.state = .expired
            write(command, &turn)
            let message = wasDelivered ? "expired (outcome unknown)" : "expired (never fetched)"
            tell(.commandExpired, command, message: message, &turn)
        }
        openCommands.removeAll { id in !(commands[id]?.state.isOpen ?? false) }
    }

    /// Lets go of finished commands that are too old for any late result.
    mutating func forgetCommands(_ now: Duration) {
        commands = commands.filter { $0.value.state.isOpen || $0.value.issuedAt.steady + CommandPolicy.memory > now }
    }

    private func tell(
        _ kind: ServerEventKind, _ command: QueuedCommand, message: String?, _ turn: inout Turn
    ) {
        var data = EventData()
        data.commandID = command.id.rawValue
        data.action = command.action.rawValue
        tell(
            kind.rawValue, agent: agents[command.agent], runner: command.runner, message: message, data: data, &turn)
    }
}

import WireProtocol

extension Fleet {
    /// What the store kept of one project.
    package struct Snapshot: Sendable {
        package var isStrict: Bool
        package var agents: [Agent]
        package var instances: [Instance]
        package var runners: [Runner]
        package var commands: [QueuedCommand]

        package init(
            isStrict: Bool = false, agents: [Agent] = [], instances: [Instance] = [], runners: [Runner] = [],
            commands: [QueuedCommand] = []
        ) {
            self.isStrict = isStrict
            self.agents = agents
            self.instances = instances
            self.runners = runners
            self.commands = commands
        }
    }

    /// Continues where an earlier life of the server ended.
    ///
    /// Its rows carry civil times only. All silence timers start anew, and none runs shorter than 30 s: the server
    /// itself was away and nobody could reach it.
    package init(project: ProjectID, restoring snapshot: Snapshot, now: Moment) {
        self.init(project: project, isStrict: snapshot.isStrict)
        for agent in snapshot.agents {
            agents[agent.id] = agent
            agentsByName[agent.name] = agent.id
        }
        for stored in snapshot.instances {
            var instance = stored
            instance.lastHeard = now.earlier(at: stored.lastHeard.wall)
            if let outage = stored.outage { instance.outage?.since = now.earlier(at: outage.since.wall) }
            let fresh = now.steady + SilencePolicy.allowanceAfterStart(instance.interval)
            switch instance.phase {
            case .heard(.shutdown): instance.due = nil
            case .heard: instance.due = fresh
            case .awaited: instance.phase = .awaited(until: fresh)
            case .left, .silent, .removed: instance.due = nil
            }
            instances[instance.id] = instance
            nextDeadline = Self.earlier(nextDeadline, instance.deadline)
        }
        for stored in snapshot.runners {
            var runner = stored
            runner.lastSeen = now.earlier(at: stored.lastSeen.wall)
            runner.lastHeard = now.earlier(at: stored.lastHeard.wall)
            if case .silent(let since) = stored.state { runner.state = .silent(since: now.earlier(at: since.wall)) }
            runners[runner.id] = runner
        }
        for stored in snapshot.commands {
            var command = stored
            command.issuedAt = now.earlier(at: stored.issuedAt.wall)
            // Whether the delivery got out before the end is not known: a runner is offered it again at once.
            command.deliveredAt = nil
            commands[command.id] = command
            if command.state.isOpen {
                openCommands.append(command.id)
                nextDeadline = Self.earlier(nextDeadline, command.issuedAt.steady + CommandPolicy.lifetime)
            }
        }
        openCommands.sort()
    }

    private static func earlier(_ first: Duration?, _ second: Duration?) -> Duration? {
        guard let first else { return second }
        guard let second else { return first }
        return min(first, second)
    }
}

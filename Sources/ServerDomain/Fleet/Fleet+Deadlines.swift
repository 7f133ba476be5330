import WireProtocol

extension Fleet {
    /// Does what is due: silence, reports that did not come, commands that are too old. Finds the next deadline.
    package mutating func actOnDeadlines(_ turn: inout Turn) {
        let now = turn.now.steady
        let due = instances.values.filter { $0.deadline.map { $0 <= now } ?? false }
        for instance in due.sorted(by: Self.order) {
            switch instance.phase {
            case .heard: fallSilent(instance, &turn)
            case .awaited: remove(instance, &turn)
            case .left, .silent, .removed: break
            }
        }
        expireCommands(&turn)
        forgetCommands(now)
        nextDeadline = firstDeadline
    }

    private var firstDeadline: Duration? {
        let timers = instances.values.compactMap(\.deadline)
        let expiries = openCommands.compactMap { commands[$0] }.map { $0.issuedAt.steady + CommandPolicy.lifetime }
        return (timers + expiries).min()
    }

    /// A fixed order, so that the same turn always tells the same story.
    private static func order(_ first: Instance, _ second: Instance) -> Bool {
        guard first.id.agent == second.id.agent else { return first.id.agent < second.id.agent }
        return (first.id.runner?.rawValue ?? "") < (second.id.runner?.rawValue ?? "")
    }

    private mutating func fallSilent(_ before: Instance, _ turn: inout Turn) {
        let isPartOfRunner = before.id.runner.map { runnerFellSilent($0, because: before, &turn) } ?? false
        var instance = before
        let previous = before.status
        instance.phase = .silent
        instance.due = nil
        instance.outage = Instance.Outage(since: before.lastHeard, isPartOfRunner: isPartOfRunner)
        write(instance, &turn)
        guard !isPartOfRunner, let agent = agents[instance.id.agent] else { return }
        var data = EventData()
        data.silentFor = (turn.now.steady - before.lastHeard.steady).toldSeconds
        data.previousStatus = previous?.rawValue
        data.status = AgentStatus.down.rawValue
        tell(
            ServerEventKind.silent.rawValue, agent: agent, runner: instance.id.runner,
            message: silenceMessage(instance, agent, turn.now), data: data, &turn)
    }

    private func silenceMessage(_ instance: Instance, _ agent: Agent, _ now: Moment) -> String {
        let length = (now.steady - instance.lastHeard.steady).spoken
        let hasLivingRunner = reporters(of: agent).contains { $0.source == .runner && $0.isLive }
        return instance.source == .sdk && hasLivingRunner
            ? "no work progress: no heartbeat for \(length)" : "no heartbeat for \(length)"
    }

    /// Whether the runner behind a silent instance is silent itself; tells it once for all it watches.
    private mutating func runnerFellSilent(
        _ id: RunnerID, because instance: Instance, _ turn: inout Turn
    ) -> Bool {
        guard var runner = runners[id] else { return false }
        if case .silent = runner.state { return true }
        let unheard = turn.now.steady - runner.lastHeard.steady
        guard SilencePolicy.runnerIsSilent(unheardFor: unheard, interval: instance.interval) else { return false }
        runner.state = .silent(since: runner.lastHeard)
        write(runner, &turn)
        let count = watched(by: id).count
        var data = EventData()
        data.hostname = runner.hostname
        data.agents = count
        data.silentFor = unheard.toldSeconds
        tell(
            ServerEventKind.runnerSilent.rawValue, runner: id,
            message: "host \(runner.displayName) is silent: \(count) \(count == 1 ? "agent" : "agents")", data: data,
            &turn)
        return true
    }

    /// Drops what a restarted runner no longer watches; nobody asked for it, so nobody is alarmed.
    private mutating func remove(_ before: Instance, _ turn: inout Turn) {
        var instance = before
        instance.phase = .removed
        instance.due = nil
        instance.outage = nil
        write(instance, &turn)
    }
}

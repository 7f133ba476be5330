import WireProtocol

extension Fleet {
    /// Takes in what a batch says of its runner, before the batch's heartbeats.
    package mutating func open(_ input: RunnerInput, as id: RunnerID, _ turn: inout Turn) {
        hear(id, &turn)
        guard var runner = runners[id] else { return }
        runner.hostname = input.hostname ?? runner.hostname
        runner.version = input.version ?? runner.version
        runner.bootID = input.bootID ?? runner.bootID
        switch input.state {
        case .starting:
            runner.state = .starting
            awaitReports(of: id, &turn)
            var data = EventData()
            data.hostname = runner.hostname
            data.version = runner.version
            tell(
                ServerEventKind.runnerStarted.rawValue, runner: id, message: "runner on \(runner.displayName) started",
                data: data, &turn)
        case .running:
            runner.state = .running
        case .stopping:
            // The heartbeats of the same batch still count; `close` ends the life after them.
            break
        }
        write(runner, &turn)
    }

    /// Ends a runner's life in good order, after the heartbeats of its last batch.
    package mutating func close(_ input: RunnerInput, as id: RunnerID, _ turn: inout Turn) {
        guard input.state == .stopping, var runner = runners[id] else { return }
        let wasRunning = if case .stopped = runner.state { false } else { true }
        runner.state = .stopped(reason: input.reason)
        write(runner, &turn)
        for var instance in watched(by: id) {
            if instance.phase == .heard(.shutdown) { continue }
            instance.phase = .left
            instance.due = nil
            instance.outage = nil
            write(instance, &turn)
        }
        guard wasRunning else { return }
        var data = EventData()
        data.hostname = runner.hostname
        data.agents = watched(by: id).count
        tell(
            ServerEventKind.runnerStopped.rawValue, runner: id,
            message: "runner on \(runner.displayName) stopped" + (input.reason.map { ": \($0)" } ?? ""), data: data,
            &turn)
    }

    /// Notes that a runner asked for something; only the store's next write of it makes that last.
    package mutating func see(_ id: RunnerID, at now: Moment) {
        runners[id]?.lastSeen = now
    }

    /// Notes a heartbeat of a runner, the first one making it known, and ends its silence.
    mutating func hear(_ id: RunnerID, _ turn: inout Turn) {
        let now = turn.now
        guard var runner = runners[id] else {
            write(Runner(id: id, project: project, lastSeen: now, lastHeard: now), &turn)
            return
        }
        guard runner.lastHeard != now else { return }
        if case .silent(let since) = runner.state {
            runner.state = .running
            var data = EventData()
            data.silentFor = (now.steady - since.steady).toldSeconds
            data.hostname = runner.hostname
            data.agents = watched(by: id).count
            tell(
                ServerEventKind.heardAgain.rawValue, runner: id,
                message: "host \(runner.displayName) is heard again after \((now.steady - since.steady).spoken)",
                data: data, &turn)
        }
        runner.lastSeen = now
        runner.lastHeard = now
        write(runner, &turn)
    }

    /// Lists what a runner reports.
    func watched(by runner: RunnerID) -> [Instance] {
        instances.values.filter { $0.id.runner == runner && $0.phase != .removed }
    }

    /// Makes everything a runner watched unknown until it says so again, each within its own interval.
    private mutating func awaitReports(of runner: RunnerID, _ turn: inout Turn) {
        for var instance in watched(by: runner) {
            instance.phase = .awaited(until: turn.now.steady + SilencePolicy.allowance(instance.interval))
            instance.due = nil
            write(instance, &turn)
        }
    }
}

import RunnerKit
import ServerDomain
import ServerLink
import Supervision
import WireProtocol

// What must be so once all faults have stopped and all has come to rest.
extension Checks {
    func atEnd() {
        arrived()
        for host in hosts {
            keptHistory(of: host)
            for target in host.targets { atRest(target, on: host) }
            // That something was delivered may wait for the next write, which mends a disk that had failed.
            if !host.disk.isBehind, !host.disk.contents.outbox.isEmpty {
                violated(.atRest, "\(host.machine.name) still has \(host.disk.contents.outbox.changes.count) changes")
            }
        }
        for (id, order) in orders.sorted(by: { $0.key < $1.key }) { ended(id, order) }
    }

    private func arrived() {
        var ids: Set<String> = []
        var highest: [RunnerID: Int64] = [:]
        for arrival in store.arrivals {
            if !ids.insert(arrival.eventID).inserted { violated(.delivered, "\(arrival.eventID) twice") }
            // What was counted from by a runner that could write nothing from its start on is not known to the next one,
            // and the time of day may have been set back.
            let hasForgotten = hosts.contains { $0.runnerID == arrival.runner.rawValue && lostMemory[$0.number] != nil }
            // What was refused and set aside may have come all the same, with a request that had been given up.
            let wasLeft = setAside.contains(arrival.eventID)
            if arrival.seq <= highest[arrival.runner] ?? 0, !hasForgotten, !wasLeft {
                violated(
                    .inOrder, "\(arrival.eventID) at \(arrival.arrived.text) after \(highest[arrival.runner] ?? 0)")
            }
            highest[arrival.runner] = max(arrival.seq, highest[arrival.runner] ?? 0)
        }
        for host in hosts {
            for id in host.disk.changes.keys.sorted() where !ids.contains(id) && !setAside.contains(id) {
                violated(.delivered, "\(id) is missing: \(host.disk.changes[id]?.message ?? "")")
            }
        }
    }

    private func keptHistory(of host: SimulatedHost) {
        let ends: Set<HeartbeatEvent.Kind> = [.died, .exited, .stopped]
        var told: [Int: Int] = [:]
        var died: [Int: Int] = [:]
        for arrival in store.arrivals where arrival.runner.rawValue == host.runnerID {
            guard ends.contains(arrival.event.kind), let pid = arrival.event.pid else { continue }
            // That it was a stop may become known later, and is a change of its own.
            if arrival.event.kind != .stopped { died[pid, default: 0] += 1 }
            told[pid, default: 0] += 1
            if died[pid] == 2, lostMemory[host.number] == nil {
                violated(.deathOnce, "the end of \(pid) is told twice")
            }
        }
        for target in host.targets {
            for (pid, moment) in notes[key(target, host)]?.mustTell ?? [:]
            where told[Int(pid)] == nil && !setAsidePIDs.contains(Int(pid)) && lostMemory[host.number] == nil {
                violated(.deathOnce, "the end of \(target.id) \(pid) at \(moment.text) is not told")
            }
        }
    }

    private func atRest(_ target: SimulatedTarget, on host: SimulatedHost) {
        let notes = notes[key(target, host)] ?? Notes()
        let what = "\(target.id) on \(host.machine.name)"
        // What only memory knew, a full disk and a kill have made unknown.
        let isSure = lostMemory[host.number] == nil
        if isSure, !target.isAlive, !notes.isHeld, !notes.isHeldUnknown, !notes.wasFoundDown, !target.isHandledElsewhere
        {
            let isLeft = target.lastEnd.map { !target.settings.policy.restarts(after: $0) } ?? true
            if !isLeft { violated(.atRest, "\(what) is down, and its policy is \(target.settings.policy)") }
        }
        guard let agent = store.agents.values.first(where: { $0.name == target.agent }),
            let runner = RunnerID(rawValue: host.runnerID),
            let instance = store.instances[InstanceID(agent: agent.id, runner: runner)]
        else { return violated(.atRest, "the server does not know \(what)") }
        switch instance.phase {
        case .heard(let status):
            let isRight =
                target.isUnhealthy
                ? status == .error
                : target.isAlive
                    ? status == .ok || (status == .warning && notes.hasRefused)
                    : status == .error || status == .shutdown
            if !isRight { violated(.atRest, "\(what) is told as \(status), alive: \(target.isAlive)") }
        case .awaited, .left, .silent, .removed:
            if isSure { violated(.atRest, "\(what) is \(instance.phase) for the server") }
        }
    }

    private func ended(_ id: Int64, _ order: Order) {
        guard let command = store.commands[CommandID(rawValue: id)] else { return }
        if command.state.isOpen { violated(.oneResult, "command \(id) is still \(command.state)") }
        guard let host = hosts.first(where: { $0.number == order.host }) else { return }
        let key = host.disk.received.first { $0.id == id }
        if key != nil, order.result == nil, lostMemory[host.number] == nil {
            violated(.oneResult, "command \(id) was received, and has no result")
        }
        if let result = order.result, command.resultMessage != result.message, lostMemory[host.number] == nil {
            violated(.oneResult, "command \(id): \(result.message ?? "") here, \(command.resultMessage ?? "") there")
        }
        world.trace.count("command: at last \(command.state.rawValue)")
    }
}

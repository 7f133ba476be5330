import ServerDomain
import Supervision
import WireProtocol

// What people ask for, wisely or not.
extension Nemesis {
    func order(_ fault: Fault, _ host: SimulatedHost) {
        switch fault {
        case .commands: queue(world.pick(host.targets), host)
        case .conflicts:
            let target = world.pick(host.targets)
            for _ in 0..<world.between(2, 4) {
                world.after(world.spread(1, .seconds(3))) { [self] in queue(target, host) }
            }
        case .strays:
            let id = Int64(world.draw() % 1_000_000)
            server.checks.strays.insert(id)
            let (action, name): (String, String) =
                world.chance(0.5) ? ("restart", "nobodys") : ("format", host.targets.first?.id.name ?? "")
            let kind = host.targets.first?.id.kind.rawValue ?? "docker"
            server.strays.append(Command(id: id, action: action, type: kind, target: name))
        default: break
        }
    }

    private func queue(_ target: SimulatedTarget?, _ host: SimulatedHost) {
        guard let target, let service = server.life?.service, let runner = RunnerID(rawValue: host.runnerID),
            !server.machine.isAsleep
        else { return }
        let action: CommandAction = world.chance(0.6) ? .restart : .stop
        let checks = server.checks
        // Awaited by nobody, as a person who has pressed a button.
        Task {
            let queued = try? await service.decide(in: SimulatedServer.project) { fleet, turn in
                fleet.agent(named: target.agent).map { agent in
                    let result = fleet.queue(action, for: agent.id, runner: runner, &turn)
                    if case .success(let command) = result {
                        checks.queued(command.id.rawValue, action, target.id, host: host.number)
                    }
                    return result
                }
            }
            if case .failure(let refusal)? = queued { checks.world.trace.note("not queued: \(refusal)") }
        }
    }
}

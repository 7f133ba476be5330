import RunnerKit
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

    /// A person on the host asks for a pause.
    func pause(_ target: SimulatedTarget, _ host: SimulatedHost) {
        host.life?.order(.pause(nil), on: target) { [world, checks = server.checks] _ in
            // Answered, and on the disk: it is to hold, whatever becomes of the runner.
            guard host.disk.records[target.id]?.pause != nil, !host.disk.isBehind else { return }
            checks.paused(target, on: host)
            world.trace.count("operator: paused")
        }
    }

    /// And for its end, until somebody answers.
    func resume(_ target: SimulatedTarget, _ host: SimulatedHost) {
        server.checks.resumes(target, on: host)
        let isAnswered = Answer()
        host.life?.order(.resume, on: target, onlyIfPaused: true) {
            // What a disk that can't be written does not know, the next runner does not either.
            isAnswered.isThere = $0 && host.disk.records[target.id]?.pause == nil
        }
        world.after(.seconds(20)) { [self] in
            if !isAnswered.isThere, !world.isOver { resume(target, host) }
        }
    }

    // Of one thread, as all of the simulation.
    private final class Answer: @unchecked Sendable {
        var isThere = false
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

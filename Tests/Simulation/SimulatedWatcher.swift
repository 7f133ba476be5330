import Supervision
import WatcherAPI

/// The watcher of all targets of a host, for one life of its runner. It keeps the promises of `Watcher`: events are hints,
/// what is then read is the truth, a hint that got lost is made up for by a slow re-read.
final class SimulatedWatcher: Watcher, TargetController, @unchecked Sendable {
    private static let slowReread = Moment.seconds(30)

    private unowned let life: RunnerLife
    private var reports: [TargetID: (Observation) -> Void] = [:]
    private var isLookDue: Set<TargetID> = []
    private var lastReported: [TargetID: Observation] = [:]

    private var host: SimulatedHost { life.host }
    private var world: World { life.host.world }

    init(_ life: RunnerLife) {
        self.life = life
    }

    // MARK: - Watching

    func observe(_ targets: [TargetID], _ report: @escaping @Sendable (TargetID, Observation) -> Void) async {
        for id in targets {
            reports[id] = { report(id, $0) }
            if let target = host.target(id) { firstLook(target) }
        }
        rereadLater(targets)
        await world.sleep(.hours(10_000), on: host.machine)
        for id in targets { reports[id] = nil }
    }

    func adopt(_ targets: [TargetID: TargetSettings]) async {}

    /// What an engine still does by order of a runner that is gone is waited for.
    private func firstLook(_ target: SimulatedTarget) {
        world.after(world.spread(10, .milliseconds(200)), on: host.machine) { [weak self] in
            guard let self, life.isAlive else { return }
            if target.jobs > 0, target.id.kind != .process { firstLook(target) } else { look(target) }
        }
    }

    private func rereadLater(_ targets: [TargetID]) {
        world.after(Self.slowReread, on: host.machine) { [weak self] in
            guard let self, life.isAlive else { return }
            for id in targets { if let target = host.target(id), lastReported[id] != nil { look(target) } }
            rereadLater(targets)
        }
    }

    /// Has the target looked at soon.
    func hint(_ target: SimulatedTarget) {
        guard lastReported[target.id] != nil, isLookDue.insert(target.id).inserted else { return }
        let isLost = world.chance(0.01)
        if isLost { world.trace.count("watcher: a hint was lost") }
        world.after(isLost ? Self.slowReread : world.spread(10, .milliseconds(50)), on: host.machine) { [weak self] in
            guard let self, life.isAlive else { return }
            isLookDue.remove(target.id)
            look(target)
        }
    }

    private func look(_ target: SimulatedTarget) {
        let observation = host.observation(of: target)
        guard observation != lastReported[target.id], let report = reports[target.id] else { return }
        lastReported[target.id] = observation
        world.trace.note("\(target.id) is seen \(observation.liveness.word)")
        world.trace.count("seen: \(observation.liveness.name)")
        host.checks.observed(observation, of: target, on: host)
        life.mayDieSoon(0.004)
        report(observation)
    }

    // MARK: - Acting

    func perform(
        _ action: TargetAction, on id: TargetID, startMade: @escaping @Sendable () -> Void
    ) async -> TargetActionOutcome {
        guard life.isAlive else { return .failed("the runner is gone", isPermanent: false) }
        guard let target = host.target(id) else {
            world.trace.violated(.onlyListed, "\(action) of \(id)")
            return .failed("no such target", isPermanent: true)
        }
        world.trace.note("\(life) begins \(action) of \(id)")
        world.trace.count("action: \(action)")
        host.checks.begins(action, of: target, on: host)
        life.acting[id, default: 0] += 1
        life.mayDieSoon(0.03)
        let outcome = await SimulatedAction(life, target).carryOut(action, startMade: startMade)
        guard life.isAlive else { return outcome }
        life.acting[id, default: 1] -= 1
        world.trace.note("\(life) ended \(action) of \(id): \(outcome)")
        world.trace.count("outcome: \(outcome.word)")
        host.checks.ends(action, outcome, of: target, on: host)
        life.mayDieSoon(0.03)
        return outcome
    }
}

extension Observation.Liveness {
    var name: String {
        switch self {
        case .alive: "alive"
        case .unhealthy: "unhealthy"
        case .dead(let end): end.isDeliberate ? "stopped" : "dead"
        case .missing: "missing"
        case .undetermined: "undetermined"
        case .handledElsewhere: "handled elsewhere"
        }
    }

    var word: String {
        switch self {
        case .alive(let identity), .unhealthy(let identity, _): "\(name) as \(identity.pid ?? 0)"
        case .dead(let end): "\(name), \(end.identity?.pid ?? 0), \(end.cause)"
        case .missing: name
        case .undetermined(let reason), .handledElsewhere(let reason): "\(name): \(reason)"
        }
    }
}

extension TargetActionOutcome {
    var word: String {
        switch self {
        case .up: "up"
        case .down, .downLeaving: "down"
        case .overruled: "overruled"
        case .foundEnded: "found ended"
        case .blocked: "blocked"
        case .failed(_, let isPermanent): isPermanent ? "failed for good" : "failed"
        }
    }
}

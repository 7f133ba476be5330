import Supervision

/// How an action goes: what the engine does goes on when the runner is gone; what the runner does itself does not.
struct SimulatedAction {
    private let life: RunnerLife
    private let target: SimulatedTarget

    private var host: SimulatedHost { life.host }
    private var world: World { life.host.world }
    private var isOwn: Bool { target.id.kind == .process }

    init(_ life: RunnerLife, _ target: SimulatedTarget) {
        self.life = life
        self.target = target
    }

    func carryOut(_ action: TargetAction, startMade: @escaping @Sendable () -> Void) async -> TargetActionOutcome {
        if let refusal = refusal(action) { return refusal }
        // An order to an engine goes on whatever becomes of who gave it.
        if !isOwn { target.jobs += 1 }
        let boot = host.boot
        defer { if !isOwn, host.boot == boot { target.jobs -= 1 } }
        let isThere = await pause(.milliseconds(1), .milliseconds(300))
        guard isThere, host.boot == boot, !host.isOff else { return gone }
        switch action {
        case .recover:
            if let alive = target.life { return .up(alive.identity, note: nil) }
        case .restart, .stop:
            let before = target.life?.identity
            // Who holds a process knows that nothing of his ended it.
            if isOwn, case .dead(let end) = host.observation(of: target).liveness { return .foundEnded(end) }
            if before != nil {
                guard await pause(.milliseconds(5), .seconds(4)), host.boot == boot, !host.isOff else { return gone }
            }
            if world.chance(0.02) { return .failed("it does not end", isPermanent: false) }
            if target.life?.identity == before {
                if let pid = before?.pid { host.checks.with(target, host) { $0.endedByActions.insert(pid) } }
                host.end(target, .signal(15), isDeliberate: action == .stop)
            }
            if action == .stop { return target.isAlive ? .failed("it came back", isPermanent: false) : .down }
        }
        guard await pause(.milliseconds(1), .milliseconds(500)), host.boot == boot, !host.isOff else { return gone }
        if let alive = target.life { return .up(alive.identity, note: nil) }
        return await start(boot, startMade)
    }

    private func start(_ boot: Int, _ startMade: @Sendable () -> Void) async -> TargetActionOutcome {
        if world.now < target.startsFailUntil { return .failed("its program can't be started", isPermanent: false) }
        let identity = host.begin(target, by: isOwn ? "runner" : "runner's order")
        startMade()
        guard await pause(.milliseconds(1), .seconds(2)) else { return gone }
        return target.life?.identity == identity
            ? .up(identity, note: nil) : .failed("it ended at once", isPermanent: false)
    }

    private func refusal(_ action: TargetAction) -> TargetActionOutcome? {
        if host.awayEngines.contains(target.id.kind) { return .failed("it can't be asked", isPermanent: false) }
        if isOwn, action == .recover, world.chance(0.03) { return .blocked("a child of its former life lives") }
        return nil
    }

    private var gone: TargetActionOutcome { .failed("the runner is gone", isPermanent: false) }

    /// - Returns: whether what carries this out is still there.
    private func pause(_ low: Moment, _ high: Moment) async -> Bool {
        let until = world.now + world.spread(low, high)
        if isOwn {
            await world.sleep(until - world.now, on: host.machine)
            return life.isAlive
        }
        // Shielded from the runner's cancellation: the engine knows nothing of it.
        let (world, machine) = (world, host.machine)
        await withCheckedContinuation { continuation in
            world.after(until - world.now, on: machine) { continuation.resume() }
        }
        return true
    }
}

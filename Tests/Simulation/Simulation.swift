import Supervision

/// One world from its beginning to its end.
struct Simulation {
    struct Outcome {
        var scenario: Scenario
        var hash: UInt64
        var violation: Violation?
        var counts: [String: Int]
        var lastLines: [String]
    }

    let scenario: Scenario
    var isPrinting = false

    func run() -> Outcome {
        let seed = scenario.seed
        Scheduler.begin(seed: seed &* 31 &+ 7)
        let trace = Trace(isPrinting: isPrinting, only: scenario.promise)
        let world = World(seed: seed, trace: trace)
        trace.world = world
        trace.note("\(scenario)")
        let checks = Checks(world, killsAnywhere: scenario.killsAnywhere)
        let server = SimulatedServer(world, checks: checks)
        let hosts = scenario.hosts.enumerated().map { number, plans in
            SimulatedHost(
                world, number: number, targets: targets(plans, of: number), interval: scenario.interval, cores: 2,
                server: server, checks: checks)
        }
        checks.hosts = hosts
        let nemesis = Nemesis(world, hosts, server)
        do throws(Violation) {
            try live(world, hosts, server, nemesis)
            checks.atEnd()
        } catch {}
        end(world, hosts, server)
        return Outcome(
            scenario: scenario, hash: trace.hash, violation: trace.violation, counts: trace.counts,
            lastLines: trace.lastLines)
    }

    private func live(
        _ world: World, _ hosts: [SimulatedHost], _ server: SimulatedServer, _ nemesis: Nemesis
    ) throws(Violation) {
        world.afterStep = {
            for host in hosts { host.life?.step() }
            server.life?.step()
        }
        server.start()
        for (host, plans) in zip(hosts, scenario.hosts) {
            for (target, plan) in zip(host.targets, plans) where plan.startsUp { host.begin(target, by: "the boot") }
            world.after(world.spread(0, .seconds(5)), on: host.machine) { host.startRunner() }
        }
        nemesis.start(scenario.faults, until: scenario.turmoil)
        try world.run(until: scenario.turmoil)
        world.trace.note("all faults stop")
        nemesis.stop()
        server.checks.killsAnywhere = false
        try world.run(until: scenario.turmoil + scenario.quiet)
    }

    /// Ends all tasks, so that none is left for the next world.
    private func end(_ world: World, _ hosts: [SimulatedHost], _ server: SimulatedServer) {
        for host in hosts { host.killRunner() }
        server.crash()
        world.end()
    }

    private func targets(_ plans: [Scenario.TargetPlan], of host: Int) -> [SimulatedTarget] {
        plans.enumerated().map { index, plan in
            let name = "\(plan.kind.rawValue)-\(host)-\(index)"
            return SimulatedTarget(
                WatchedTarget(id: TargetID(kind: plan.kind, name: name), agent: name),
                TargetSettings(policy: plan.policy))
        }
    }
}

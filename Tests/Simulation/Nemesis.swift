import Supervision
import WireProtocol

/// Has things go wrong, each fault in its own rhythm, until it is told to stop.
final class Nemesis: @unchecked Sendable {
    let world: World
    let hosts: [SimulatedHost]
    let server: SimulatedServer
    private var isOver = false
    private var end: Moment = 0
    /// What puts right what lasts.
    private var remedies: [UInt64: () -> Void] = [:]
    private var lastRemedy: UInt64 = 0

    init(_ world: World, _ hosts: [SimulatedHost], _ server: SimulatedServer) {
        self.world = world
        self.hosts = hosts
        self.server = server
    }

    /// - Parameter end: when all machines are awake again.
    func start(_ faults: [Fault], until end: Moment) {
        self.end = end
        for fault in faults { next(fault) }
    }

    private func next(_ fault: Fault) {
        world.after(world.between(0, 2 * fault.every)) { [self] in
            guard !isOver, !world.isOver else { return }
            strike(fault)
            next(fault)
        }
    }

    /// From here on nothing goes wrong.
    func stop() {
        isOver = true
        for remedy in remedies.sorted(by: { $0.key < $1.key }) { remedy.value() }
        remedies = [:]
    }

    /// Puts something right after a while, at the latest when all faults stop.
    private func last(_ low: Moment, _ high: Moment, then remedy: @escaping () -> Void) {
        lastRemedy += 1
        let number = lastRemedy
        remedies[number] = remedy
        world.after(world.spread(low, high)) { [self] in remedies.removeValue(forKey: number)?() }
    }

    private func strike(_ fault: Fault) {
        guard let host = world.pick(hosts) else { return }
        let target = world.pick(host.targets)
        world.trace.note("fault: \(fault)")
        world.trace.count("fault: \(fault)")
        switch fault {
        case .crashes, .exits, .crashLoops, .startFailures, .unhealthy, .doubt, .ownSupervisor, .personStops,
            .personStarts, .personRestarts, .personPauses:
            if let target, !host.isOff { strike(fault, target, host) }
        case .engineAway, .reboots, .powerCuts, .suspend, .wallSteps, .diskFull, .diskErrors: strike(fault, host)
        case .runnerKilled:
            host.killRunner()
            host.restartRunnerSoon()
        case .runnerStopped:
            host.life?.stop()
            restartWhenEnded(host)
        case .cuts, .loss, .slowness, .doubles, .hangs: spoilWay(fault, host)
        case .serverCrashes, .refusals, .nonsense, .poison, .storeFailures, .serverWallSteps, .serverSuspend:
            strikeServer(fault)
        case .commands, .conflicts, .strays: order(fault, host)
        }
    }

    private func restartWhenEnded(_ host: SimulatedHost) {
        world.after(world.between(.seconds(1), .seconds(60)), on: host.machine) { [self] in
            if host.life == nil || world.isOver { host.startRunner() } else { restartWhenEnded(host) }
        }
    }

    // MARK: - Targets

    private func strike(_ fault: Fault, _ target: SimulatedTarget, _ host: SimulatedHost) {
        switch fault {
        case .crashes:
            host.end(target, [.exit(code: 1), .signal(9), .signal(11), .outOfMemory][Int(world.draw() % 4)])
        case .exits: host.end(target, .exit(code: world.chance(0.8) ? 0 : 78))
        case .crashLoops:
            target.crashesUntil = world.now + world.spread(.minutes(1), .minutes(40))
            last(.minutes(40), .minutes(40)) { target.crashesUntil = 0 }
            host.end(target, .exit(code: 1))
        case .startFailures:
            target.startsFailUntil = world.now + world.spread(.seconds(1), .minutes(20))
            last(.minutes(20), .minutes(20)) { target.startsFailUntil = 0 }
        case .unhealthy:
            guard target.isAlive, target.id.kind == .docker else { return }
            target.isUnhealthy = true
            host.changed(target)
            guard world.chance(0.3) else { return }
            let life = target.life?.identity
            world.after(world.spread(.milliseconds(100), .seconds(60)), on: host.machine) {
                guard target.life?.identity == life else { return }
                target.isUnhealthy = false
                host.changed(target)
            }
        case .doubt:
            guard target.id.kind == .process else { return }
            target.isDoubtful = true
            host.changed(target)
            last(.seconds(1), .minutes(20)) {
                target.isDoubtful = false
                host.changed(target)
            }
        case .ownSupervisor:
            guard target.id.kind != .process, target.isAlive else { return }
            target.isHandledElsewhere = true
            host.end(target, .signal(6))
            last(.milliseconds(10), .minutes(5)) { [self] in
                guard target.isHandledElsewhere, !host.isOff else { return }
                target.isHandledElsewhere = false
                if world.chance(0.8), !target.isAlive { host.begin(target, by: "its own supervisor") }
                host.changed(target)
            }
        case .personStops: host.end(target, .signal(15), isDeliberate: true)
        case .personStarts: if !target.isAlive, canStart(target, host) { host.begin(target, by: "a person") }
        case .personRestarts:
            host.end(target, .signal(15), isDeliberate: target.id.kind != .process)
            world.after(world.spread(.milliseconds(1), .seconds(20)), on: host.machine) { [self] in
                if !target.isAlive, canStart(target, host) { host.begin(target, by: "a person") }
            }
        case .personPauses:
            // In the middle of something, now and then.
            if world.chance(0.5) { host.end(target, .signal(11)) }
            pause(target, host)
            last(.seconds(1), .minutes(40)) { [self] in resume(target, host) }
        default: break
        }
    }

    private func canStart(_ target: SimulatedTarget, _ host: SimulatedHost) -> Bool {
        !host.isOff && !host.awayEngines.contains(target.id.kind) && target.jobs == 0
    }

    // MARK: - Hosts

    private func strike(_ fault: Fault, _ host: SimulatedHost) {
        switch fault {
        case .engineAway:
            let kind: WatcherKind = world.chance(0.5) ? .docker : .systemd
            guard host.awayEngines.insert(kind).inserted else { return }
            host.changedAll(of: kind)
            // Also longer than every wait of the runner.
            last(world.chance(0.5) ? .minutes(2) : .milliseconds(100), .minutes(25)) {
                host.awayEngines.remove(kind)
                host.changedAll(of: kind)
            }
        case .reboots:
            guard !host.isOff else { return }
            host.isGoingDown = true
            host.changedAll()
            host.life?.stop()
            world.after(world.spread(.seconds(1), .seconds(20))) { [self] in
                for target in host.targets { host.end(target, .signal(15)) }
                world.after(world.spread(.milliseconds(10), .seconds(5))) { [self] in powerCycle(host) }
            }
        case .powerCuts:
            host.powerOff()
            host.disk.cutPower()
            powerCycle(host)
        case .suspend:
            guard world.chance(0.5) else {
                return sleep(host.machine, world.spread(.seconds(1), .hours(1)))
            }
            // With commands in hand, which expire meanwhile.
            order(.conflicts, host)
            world.after(world.spread(.milliseconds(50), .seconds(6))) { [self] in
                sleep(host.machine, world.between(.minutes(10), .hours(1)))
            }
        case .wallSteps:
            host.machine.wallError += world.between(-.hours(3), .hours(3))
        case .diskFull:
            host.disk.fullUntil = world.now + world.spread(.seconds(1), .minutes(20))
            last(.minutes(20), .minutes(20)) { host.disk.fullUntil = 0 }
        case .diskErrors: host.disk.failsAfter = Int(world.between(0, 20))
        default: break
        }
    }

    private func sleep(_ machine: Machine, _ time: Moment) {
        machine.fallAsleep(for: min(time, max(0, end - world.now)))
    }

    private func powerCycle(_ host: SimulatedHost) {
        host.powerOff()
        last(.seconds(1), .minutes(5)) { host.powerOn() }
    }

    // MARK: - The way

    private func spoilWay(_ fault: Fault, _ host: SimulatedHost) {
        let share = Double(world.between(2, 60)) / 100
        switch fault {
        case .cuts:
            host.way.isCut = true
            last(.seconds(1), .minutes(30)) { host.way.isCut = false }
        case .loss:
            (host.way.losesRequests, host.way.losesAnswers, host.way.breaksAnswers) = (share / 2, share, share / 2)
            last(.seconds(10), .minutes(20)) {
                (host.way.losesRequests, host.way.losesAnswers, host.way.breaksAnswers) = (0, 0, 0)
            }
        case .slowness:
            host.way.isSlow = true
            last(.seconds(10), .minutes(20)) { host.way.isSlow = false }
        case .doubles:
            host.way.doubles = share
            last(.minutes(1), .minutes(40)) { host.way.doubles = 0 }
        case .hangs:
            host.way.hangs = true
            last(.seconds(1), .minutes(15)) { host.way.hangs = false }
        default: break
        }
    }

    // MARK: - The server

    private func strikeServer(_ fault: Fault) {
        switch fault {
        case .serverCrashes:
            server.crash()
            server.restartSoon()
        case .refusals:
            let statuses = [401, 403, 404, 405, 408, 429, 429, 500, 502, 503, 307]
            let status = statuses[Int(world.draw() % UInt64(statuses.count))]
            let after = status == 429 || (status == 503 && world.chance(0.5)) ? Int(world.between(1, 90)) : nil
            server.mood = .refusing(status, retryAfter: after)
            last(.seconds(1), .minutes(20)) { [server] in server.mood = .fine }
        case .nonsense:
            server.mood = .talkingNonsense
            last(.seconds(1), .minutes(10)) { [server] in server.mood = .fine }
        case .poison:
            let kind = ["died", "started", "stopped", "restarted"][Int(world.draw() % 4)]
            server.poison = "\"kind\":\"\(kind)\""
            last(.minutes(1), .minutes(15)) { [server] in server.poison = nil }
        case .storeFailures:
            server.storeFailsUntil = world.now + world.spread(.milliseconds(10), .minutes(2))
        case .serverWallSteps:
            server.checks.serverStep = (world.now, server.machine.wallError)
            server.machine.wallError += world.between(-.hours(2), .hours(2))
            server.checks.serverErred = world.now
        case .serverSuspend:
            sleep(server.machine, world.spread(.seconds(1), .minutes(30)))
            server.checks.serverSlept = true
            server.checks.serverErred = server.machine.asleepUntil
        default: break
        }
    }
}

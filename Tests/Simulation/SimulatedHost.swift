import Supervision

/// One host: its targets, its disk, the runner on it.
final class SimulatedHost: @unchecked Sendable {
    let world: World
    let machine: Machine
    let number: Int
    let runnerID: String
    let targets: [SimulatedTarget]
    let interval: Duration
    let cores: Int
    let server: SimulatedServer
    let checks: Checks
    private(set) var disk: SimulatedDisk
    private(set) var boot = 1
    var life: RunnerLife?
    private var lives = 0
    /// Engines that can't be asked.
    var awayEngines: Set<WatcherKind> = []
    var isGoingDown = false
    var isOff = false
    /// Chances of the way to the server.
    var way = Way()
    private var lastPID: Int32 = 100

    init(
        _ world: World, number: Int, targets: [SimulatedTarget], interval: Duration, cores: Int,
        server: SimulatedServer, checks: Checks
    ) {
        self.world = world
        self.number = number
        self.targets = targets
        self.interval = interval
        self.cores = cores
        self.server = server
        self.checks = checks
        machine = Machine(world, name: "host \(number)")
        runnerID = "00000000-0000-4000-8000-00000000000\(number)"
        disk = SimulatedDisk(world)
        disk.onResolved = { [unowned self] in checks.resolved($0, $1, isLate: $2, on: self) }
        disk.onRecord = { [unowned self] in checks.recorded($0, before: $1, of: $2, on: self) }
        lastPID += Int32(number) * 1_000_000
    }

    var bootID: String { "boot-\(number)-\(boot)" }

    func target(_ id: TargetID) -> SimulatedTarget? { targets.first { $0.id == id } }

    // MARK: - Lives of targets

    /// Begins a life.
    @discardableResult
    func begin(_ target: SimulatedTarget, by whom: String) -> Identity {
        lastPID += 1
        let identity = Identity(token: "\(bootID) \(lastPID)", pid: lastPID, began: machine.boottime)
        target.lives.append(.init(identity: identity, began: world.now))
        target.isUnhealthy = false
        target.isHandledElsewhere = false
        world.trace.note("\(target.id) begins as \(lastPID), by \(whom)")
        if target.lives.count > 1 { world.trace.violated(.oneCopy, "\(target.id) has \(target.lives.count) lives") }
        checks.began(target, on: self, byRunner: whom.hasPrefix("runner"))
        changed(target)
        if world.now < target.crashesUntil {
            world.after(world.between(.milliseconds(20), .seconds(8)), on: machine) { [self] in
                if target.life?.identity == identity { end(target, .exit(code: 1)) }
            }
        }
        return identity
    }

    /// Ends the life that there is.
    func end(_ target: SimulatedTarget, _ cause: End.Cause, isDeliberate: Bool = false) {
        guard let life = target.lives.popLast() else { return }
        let end = End(identity: life.identity, cause: cause, isDeliberate: isDeliberate)
        target.lastEnd = end
        target.isUnhealthy = false
        target.endKnown = world.now
        if target.id.kind == .process, world.chance(0.6) {
            target.endKnown += world.spread(.milliseconds(1), .seconds(3))
            world.after(target.endKnown - world.now, on: machine) { [self] in changed(target) }
        }
        let pid = life.identity.pid ?? 0
        world.trace.note("\(target.id) \(pid) ends: \(cause)\(isDeliberate ? ", deliberately" : "")")
        world.trace.count("target: ended \(isDeliberate ? "deliberately" : "by \(cause.word)")")
        changed(target)
    }

    /// What a watcher reads when it looks now.
    func observation(of target: SimulatedTarget) -> Observation {
        if isGoingDown { return Observation(.undetermined("the host is going down")) }
        if awayEngines.contains(target.id.kind) {
            return Observation(.undetermined("\(target.id.kind.rawValue) can't be asked"))
        }
        if target.isDoubtful { return Observation(.undetermined("the PID file is doubtful")) }
        if let life = target.life {
            return Observation(
                target.isUnhealthy ? .unhealthy(life.identity, "its probe fails") : .alive(life.identity))
        }
        if target.isHandledElsewhere { return Observation(.handledElsewhere("it is being restarted by its own")) }
        guard var end = target.lastEnd else { return Observation(.missing("there is no \(target.id)")) }
        let isProcess = target.id.kind == .process
        if isProcess, world.now < target.endKnown { (end.cause, end.isDeliberate) = (.unknown, false) }
        return Observation(.dead(end), grace: isProcess && end.cause == .unknown ? .seconds(1) : .zero)
    }

    /// Something may have changed: watchers hear of it soon.
    func changed(_ target: SimulatedTarget) { life?.watcher.hint(target) }

    func changedAll(of kind: WatcherKind? = nil) {
        for target in targets where kind == nil || target.id.kind == kind { changed(target) }
    }

    // MARK: - Lives of the runner

    func startRunner() {
        guard life == nil, !isOff, !world.isOver else { return }
        lives += 1
        let life = RunnerLife(self, number: lives)
        self.life = life
        world.trace.note("\(life) starts")
        world.trace.count("runner: started")
        life.start()
    }

    /// kill -9.
    func killRunner() {
        guard let life else { return }
        world.trace.note("\(life) is killed")
        world.trace.count(life.isBusy ? "runner: killed with an action in hand" : "runner: killed")
        checks.runnerKilled(on: self)
        self.life = nil
        life.kill()
    }

    func restartRunnerSoon() {
        world.after(world.spread(.milliseconds(50), .minutes(3)), on: machine) { [self] in startRunner() }
    }

    func runnerEnded(_ ended: RunnerLife) {
        guard life === ended else { return }
        world.trace.note("\(ended) has ended in good order")
        checks.runnerKilled(on: self)
        life = nil
    }

    /// All of it stops at once.
    func powerOff() {
        killRunner()
        isOff = true
        for target in targets { loseAtPowerOff(target) }
    }

    private func loseAtPowerOff(_ target: SimulatedTarget) {
        target.lives = []
        // Nobody remembers a life of another boot.
        target.lastEnd = target.id.kind == .process ? nil : End(identity: nil, cause: .unknown)
        target.isUnhealthy = false
        target.isHandledElsewhere = false
        target.jobs = 0
    }

    func powerOn() {
        guard isOff else { return }
        isOff = false
        isGoingDown = false
        boot += 1
        machine.bootedAt = world.now
        machine.slept = 0
        awayEngines = []
        world.trace.note("\(machine.name) boots as \(bootID)")
        world.trace.count("host: booted")
        checks.booted(self)
        for target in targets where world.chance(0.6) {
            world.after(world.spread(.milliseconds(100), .seconds(20)), on: machine) { [self] in
                if !target.isAlive, !isOff { begin(target, by: "the boot") }
            }
        }
        world.after(world.spread(.milliseconds(100), .seconds(20)), on: machine) { [self] in startRunner() }
    }
}

extension End.Cause {
    fileprivate var word: String {
        switch self {
        case .exit(code: 0): "exit 0"
        case .exit: "a failure"
        case .signal: "a signal"
        case .outOfMemory: "out of memory"
        case .unknown: "something unknown"
        }
    }
}

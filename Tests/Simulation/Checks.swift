import ServerDomain
import ServerLink
import Supervision
import WireProtocol

/// Watches everything that happens for promises that are broken. It knows the truth, and what runner and server can know.
final class Checks: @unchecked Sendable {
    /// What is remembered of one target on one host.
    struct Notes {
        var lastSeen: (observation: Observation, at: Moment)?
        /// When its runner's life began whose word the last sight is.
        var acting = 0
        /// A stop command was carried out, and nobody has started it since.
        var isHeld = false
        /// A person paused it, which was written down and answered, and nobody has asked for its end.
        var isPaused = false
        /// Somebody started it while it was held, and no runner knows of that yet.
        var isHeldUnknown = false
        /// Restarts that operators asked for since it was stopped, by a command or a person.
        var restartsAsked = 0
        var policyStarts: [Moment] = []
        var lastBegan: Moment = -1
        /// The life that began then.
        var latest: Int32?
        /// By PID: lives that a runner has seen, when.
        var seen: [Int32: Moment] = [:]
        /// Lives whose ends a runner must tell.
        var mustTell: [Int32: Moment] = [:]
        /// A runner found it down at its first look, after a life that none had seen, and so leaves it down.
        var wasFoundDown = false
        /// A stop or a restart did not succeed, which is told as a warning.
        var hasRefused = false
        /// Lives that actions ended.
        var endedByActions: Set<Int32> = []
        var isFirstSight = true
        /// The runner that looked last.
        var lookedBy: Int?
    }

    struct Order {
        var action: CommandAction
        var target: TargetID
        var host: Int
        var queued: Moment
        /// When it was on the disk that it begins.
        var written: Moment?
        var ended = false
        var performed: [TargetAction] = []
        var result: CommandResult?
    }

    let world: World
    var killsAnywhere: Bool
    /// The server's host and what its disk holds; the server itself comes and goes.
    let serverMachine: Machine
    let store = SimulatedStore()
    var hosts: [SimulatedHost] = []
    var notes: [String: Notes] = [:]
    var orders: [Int64: Order] = [:]
    /// Ids of commands that are on nobody's list.
    var strays: Set<Int64> = []
    var setAside: Set<String> = []
    var setAsidePIDs: Set<Int> = []
    var lastHeard: [InstanceID: Duration] = [:]
    var lastHeardRunner: [RunnerID: Duration] = [:]
    /// Hosts whose disks could not be written when their runner was killed: what was in memory only is gone.
    var lostMemory: [Int: Moment] = [:]
    var serverSlept = false
    /// The last step of the server's time of day, and how wrong that was before.
    var serverStep: (at: Moment, before: Moment) = (-1, 0)
    /// When the server's clocks last stood still or were set: what is older may be older than it can know.
    var serverErred: Moment = -1

    init(_ world: World, killsAnywhere: Bool) {
        self.world = world
        serverMachine = Machine(world, name: "server")
        self.killsAnywhere = killsAnywhere
    }

    func key(_ target: SimulatedTarget, _ host: SimulatedHost) -> String { "\(host.number) \(target.id)" }

    func with(_ target: SimulatedTarget, _ host: SimulatedHost, _ body: (inout Notes) -> Void) {
        body(&notes[key(target, host), default: Notes()])
    }

    func violated(_ invariant: Invariant, _ details: String) { world.trace.violated(invariant, details) }

    // MARK: - The truth

    func began(_ target: SimulatedTarget, on host: SimulatedHost, byRunner: Bool) {
        with(target, host) {
            $0.lastBegan = world.now
            $0.latest = target.life?.identity.pid
            // Of what others started, only a runner that sees it alive knows.
            guard !byRunner else { return $0.wasFoundDown = false }
            $0.isHeldUnknown = $0.isHeld || $0.isHeldUnknown
            $0.isHeld = false
            $0.restartsAsked = 0
        }
    }

    // MARK: - The runner

    func runnerKilled(on host: SimulatedHost) {
        if host.disk.isBehind { lostMemory[host.number] = world.now }
        for target in host.targets {
            with(target, host) {
                $0.acting = 0
                if host.disk.isBehind {
                    $0.policyStarts = []
                    // A hold of which only memory knew went with it.
                    if host.disk.records[target.id]?.isHeld != true { $0.isHeld = false }
                }
                // A start that it could not write down costs the next one no wait.
                _ = $0.policyStarts.popLast()
                $0.seen = $0.seen.filter { $0.value < world.now }
                // What it saw in its last moment, and could not write down, nobody has seen.
                $0.mustTell = $0.mustTell.filter { $0.value < world.now }
            }
        }
    }

    func booted(_ host: SimulatedHost) {
        for target in host.targets {
            with(target, host) {
                $0.isFirstSight = true
                $0.mustTell = $0.mustTell.filter { world.now - $0.value > .minutes(2) }
                $0.policyStarts = []
            }
        }
    }

    func observed(_ observation: Observation, of target: SimulatedTarget, on host: SimulatedHost) {
        with(target, host) {
            if case .dead(let end) = observation.liveness, let pid = end.identity?.pid {
                if isEndOfRestart(pid, of: target, on: host) { $0.endedByActions.insert(pid) }
                sawEnd(of: pid, &$0, isStopping: host.life?.isStopping ?? true)
            }
            $0.lastSeen = (observation, world.now)
            let isFirstLook = $0.lookedBy != host.life?.number
            $0.lookedBy = host.life?.number
            switch observation.liveness {
            case .alive(let identity), .unhealthy(let identity, _):
                // What comes up by an action counts as seen once the action has ended.
                // A runner that is told to stop leaves it to the next one.
                if $0.acting == 0, host.life?.isStopping == false, let pid = identity.pid, $0.seen[pid] == nil {
                    $0.seen[pid] = world.now
                }
                $0.isFirstSight = false
                $0.wasFoundDown = false
                if $0.isHeldUnknown, $0.acting == 0 { releaseWhenWritten(target, on: host) }
            case .dead, .missing:
                let isUnseen = $0.seen[$0.latest ?? 0] == nil
                if $0.isFirstSight || (isFirstLook && isUnseen) { $0.wasFoundDown = true }
                $0.isFirstSight = false
            case .undetermined, .handledElsewhere: break
            }
        }
    }

    /// A runner that was killed had begun to restart this life: its end is taken for that restart's, which was told.
    private func isEndOfRestart(_ pid: Int32, of target: SimulatedTarget, on host: SimulatedHost) -> Bool {
        guard case .operating(.restart, let before?, _)? = host.disk.records[target.id]?.phase else { return false }
        return before.pid == pid
    }

    /// That somebody started what was held is written down within the moment, unless the runner dies in it.
    private func releaseWhenWritten(_ target: SimulatedTarget, on host: SimulatedHost) {
        let life = host.life
        world.after(1) { [self] in
            if host.life === life { with(target, host) { $0.isHeldUnknown = false } }
        }
    }

    /// What was seen up for long enough to count as up, and whose end nobody here is working at, must be told;
    /// a runner that is told to stop leaves it to the next one.
    private func sawEnd(of pid: Int32, _ notes: inout Notes, isStopping: Bool) {
        guard notes.acting == 0, !isStopping, !notes.endedByActions.contains(pid),
            case .alive(let identity)? = notes.lastSeen?.observation.liveness, identity.pid == pid,
            let since = notes.seen[pid], world.now - since > .seconds(10)
        else { return }
        notes.mustTell[pid] = world.now
    }

    func begins(_ action: TargetAction, of target: SimulatedTarget, on host: SimulatedHost) {
        with(target, host) { $0.acting += 1 }
        let notes = notes[key(target, host)] ?? Notes()
        let what = "\(action) of \(target.id)"
        if notes.acting > 1 { violated(.oneAction, what) }
        let command = commandBehind(action, of: target, on: host)
        if let command { commandBegins(command, action, of: target, on: host) }
        guard let (observation, at) = notes.lastSeen, at < world.now else { return }
        switch observation.liveness {
        case .undetermined(let reason): violated(.notWhenUnknown, "\(what): \(reason)")
        case .handledElsewhere(let reason):
            if command == nil, !host.disk.isBehind { violated(.notWhenUnknown, "\(what): \(reason)") }
        case .dead(let end):
            guard command == nil, !host.disk.isBehind else { break }
            let isOurs = end.identity?.pid.map(notes.endedByActions.contains) ?? false
            if end.isDeliberate, !isOurs, target.settings.policy != .always, notes.restartsAsked == 0,
                end.identity.flatMap({ notes.seen[$0.pid ?? 0] }) != nil
            {
                violated(.notStopped, what)
            }
            if !target.settings.policy.restarts(after: end), notes.restartsAsked == 0, !end.isDeliberate {
                violated(.byPolicy, "\(what), policy \(target.settings.policy)")
            }
        case .alive, .unhealthy, .missing: break
        }
        // Which command it is stands on the disk only.
        if host.disk.isBehind {
            with(target, host) {
                $0.isHeld = false
                if $0.restartsAsked > 0 { $0.policyStarts = [] }
            }
            return
        }
        if notes.isHeld, command == nil, notes.restartsAsked == 0 { violated(.notHeld, what) }
        if notes.isPaused, command == nil { violated(.notPaused, what) }
        if command == nil { paced(action, of: target, on: host) }
    }

    func paused(_ target: SimulatedTarget, on host: SimulatedHost) {
        with(target, host) { $0.isPaused = true }
    }

    /// A person asks for the end of a pause: from now on it may be over.
    func resumes(_ target: SimulatedTarget, on host: SimulatedHost) {
        with(target, host) { $0.isPaused = false }
    }

    /// Doubling waits from 1 s allow so many starts in ten minutes, however long the lives between were.
    private static let mostStarts = 13

    private func paced(_ action: TargetAction, of target: SimulatedTarget, on host: SimulatedHost) {
        with(target, host) {
            $0.policyStarts.removeAll { world.now - $0 > .minutes(10) }
            $0.policyStarts.append(world.now)
            if $0.policyStarts.count > Self.mostStarts {
                violated(.pace, "\($0.policyStarts.count) starts of \(target.id) in ten minutes")
            }
        }
    }

    func ends(
        _ action: TargetAction, _ outcome: TargetActionOutcome, of target: SimulatedTarget, on host: SimulatedHost
    ) {
        with(target, host) {
            $0.acting -= 1
            if case .up(let identity, _) = outcome {
                if let pid = identity.pid { $0.seen[pid] = world.now }
                // The action itself has looked, later than whoever could not.
                if case .undetermined? = $0.lastSeen?.observation.liveness { $0.lastSeen = nil }
            }
            $0.hasRefused = action != .recover && target.isAlive && outcome.word == "failed"
            if action == .stop, outcome == .down, !target.isAlive {
                $0.isHeld = true
                $0.restartsAsked = 0
            }
        }
        // Nobody was told yet.
        if case .foundEnded(let end) = outcome, let pid = end.identity?.pid {
            with(target, host) {
                if $0.seen[pid].map({ world.now - $0 > .seconds(10) }) ?? false { $0.mustTell[pid] = world.now }
            }
        }
        // What was begun by hindrance alone is no start.
        if case .blocked = outcome { with(target, host) { _ = $0.policyStarts.popLast() } }
    }
}

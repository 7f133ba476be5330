import Glibc
import Logging
import Supervision
import SystemPackage
import SystemSupport

/// Reading the truth. Nothing here waits, so that a look is one moment.
extension ProcessTarget {
    /// How long before a death the PID file's removal still belongs to it.
    private static let orderlyRemoval = Duration.seconds(10)
    private static let plainGrace = Duration.seconds(1)
    /// A living parent may be about to start it again.
    private static let parentalGrace = Duration.seconds(5)
    /// When to read a new life again: it may have had its exec still before it.
    private static let firstReread = Duration.seconds(2)

    /// Reads the file and the processes, and says what the target's state is.
    func look(_ reasons: TargetHints.Reasons) -> Observation {
        if life == nil, ended == nil { takeUpRememberedLife() }
        ended.learnHowItEnded(host.processes)
        former.learnHowItEnded(host.processes)
        var hasJustEnded = false
        if let life, !life.handle.isAlive {
            noteEnd(of: life)
            hasJustEnded = true
        }
        readFile(reasons)
        let (named, handle) = namedProcess()
        var judgement = PIDFileJudgement.judge(pidFile, named, remembered)
        if case .dead = judgement, hasJustEnded, followDaemon() {
            judgement = PIDFileJudgement.judge(pidFile, named, remembered)
        }
        if case .alive(let identity, _) = judgement, identity != life?.identity, let handle {
            begin(identity, handle)
        } else if reasons.contains(.reread) {
            rereadFacts()
        }
        noteFileOfLife()
        return observation(judgement)
    }

    /// Why it must not be started just now, by what the last look read.
    var hindrance: String? {
        guard case .dead(let hindrance) = PIDFileJudgement.judge(pidFile, .nobody, remembered) else { return nil }
        return hindrance
    }

    private var remembered: RememberedLife? {
        guard life != nil || ended != nil else { return nil }
        return note.life.map {
            RememberedLife(identity: $0, isAlive: life != nil, stamp: note.stamp, isStandIn: note.isStandIn)
        }
    }

    /// Remembers the file as it is while it names the life that is held.
    private func noteFileOfLife() {
        guard let life, case .names(life.identity.pid, let stamp, _) = pidFile else { return }
        note.stamp = stamp
        note.isStandIn = false
    }

    private func observation(_ judgement: PIDFileJudgement) -> Observation {
        switch judgement {
        case .alive(let identity, let concern):
            return Observation(
                .alive(identity.identity), memoryMB: life?.memoryMB, obstacle: obstacle, concern: concern,
                former: former?.end)
        case .dead:
            noteRemovalInGrace()
            let end = ended?.end ?? End(identity: note.life?.identity, cause: .unknown)
            return Observation(
                .dead(end), obstacle: obstacleForDead, grace: ended?.grace ?? Self.plainGrace)
        case .missing(let reason):
            return Observation(.missing(reason), obstacle: obstacleForDead)
        case .undetermined(let reason):
            return Observation(.undetermined(reason), obstacle: obstacle)
        }
    }

    // MARK: Lives

    /// Holds the remembered life again, if it still lives.
    private func takeUpRememberedLife() {
        guard let identity = note.life else { return }
        if identity.bootID == host.bootID, let handle = hold(identity) {
            watch(identity, handle)
            rereadFacts()
        } else if identity.bootID == host.bootID, isHidden(identity.pid) {
            // Whether it is the one that is remembered can't be told.
            return
        } else {
            ended = EndedLife(
                identity: identity, cause: .unknown, isDeliberate: false, leastGrace: Self.plainGrace, noticed: nil,
                lastAlive: note.seen ?? identity.began)
        }
    }

    /// A handle on exactly this life; nil when it has ended.
    func hold(_ identity: ProcessIdentity) -> ProcessHandle? {
        if let child = host.claimed.child(identity) { return child.isAlive ? child : nil }
        guard let handle = try? ProcessHandle(pid: identity.pid),
            let stat = try? host.processes.stat(of: identity.pid), stat.startTicks == identity.startTicks,
            // It still lives: so what was read in between was of this process.
            handle.isAlive
        else { return nil }
        return handle
    }

    /// Whether a process lives that /proc does not show (proc(5), mount option hidepid).
    private func isHidden(_ pid: Int32) -> Bool {
        guard let handle = try? ProcessHandle(pid: pid), (try? host.processes.stat(of: pid)) == nil else {
            return false
        }
        return handle.isAlive
    }

    /// A life named by the file becomes the target.
    private func begin(_ identity: ProcessIdentity, _ handle: ProcessHandle) {
        note.life = identity
        note.stamp = pidFile.stamp
        note.isStandIn = false
        note.children = []
        watch(identity, handle)
        rereadFacts()
        armReread()
    }

    func armReread() {
        rereadAlarm = host.timer.after(Self.firstReread) { [hints] in hints.raise(.reread) }
    }

    /// Holds a life as the target's.
    func watch(_ identity: ProcessIdentity, _ handle: ProcessHandle) {
        life?.exit?.cancel()
        life = HeldLife(identity: identity, handle: handle, exit: exitEvent(of: handle))
        if let ended, ended.uncollected != nil { former = ended }
        ended = nil
        isStopping = false
        host.claimed.claim(identity, for: id)
    }

    private func exitEvent(of handle: ProcessHandle) -> ProcessExitEvent? {
        do {
            return try ProcessExitEvent(of: handle, on: host.loop) { [hints] in hints.raise(.changed) }
        } catch {
            host.logger.info(
                "Process can't be watched, it is re-read slowly",
                metadata: metadata.merging(["error": "\(error)"]) { $1 })
            return nil
        }
    }

    private func noteEnd(of life: HeldLife) {
        life.exit?.cancel()
        self.life = nil
        host.claimed.claim(nil, for: id)
        rewriteAlarm = nil
        rereadAlarm = nil
        former = nil
        let status = host.processes.exitStatus(of: life.handle)
        ended = EndedLife(
            identity: life.identity, cause: End.Cause(status), isDeliberate: !isStopping && status.isOrderlySignal,
            leastGrace: grace(after: life), uncollected: uncollected(life, status), noticed: host.clock.now,
            lastAlive: BootClock().now)
    }

    private func uncollected(_ life: HeldLife, _ status: ExitStatus) -> UncollectedLife? {
        // How it takes our own signal is no news.
        guard status == .uncollected, !isStopping else { return nil }
        var uncollected = UncollectedLife(handle: life.handle)
        do {
            uncollected.collection = try ProcessExitEvent(collectionOf: life.handle, on: host.loop) { [hints] in
                hints.raise(.changed)
            }
        } catch {
            host.logger.info(
                "How it ended is asked slowly", metadata: metadata.merging(["error": "\(error)"]) { $1 })
        }
        return uncollected
    }

    private func grace(after life: HeldLife) -> Duration {
        guard let parent = life.parent, hold(parent) != nil else { return Self.plainGrace }
        return Self.parentalGrace
    }

    // MARK: The file

    private func readFile(_ reasons: TargetHints.Reasons) {
        let before = pidFile
        pidFile = PIDFile.read(file, settled: settledFile)
        if case .incomplete(let stamp, _) = pidFile {
            let isDone = reasons.contains(.fileClosed) || (reasons.contains(.fileSettled) && before == pidFile)
            if isDone {
                settledFile = stamp
                pidFile = PIDFile.read(file, settled: settledFile)
            }
        }
        if case .incomplete = pidFile {
            settleAlarm = host.timer.after(PIDFile.settleTime) { [hints] in hints.raise(.fileSettled) }
        } else {
            settleAlarm = nil
        }
        switch (before, pidFile) {
        case (.missing, .missing): break
        case (_, .missing): fileRemoved = host.clock.now
        case (_, _): fileRemoved = nil
        }
    }

    /// Takes the removal of the file, shortly before a death or in its grace, for an orderly end.
    private func noteRemovalInGrace() {
        guard let removed = fileRemoved, let ended, let noticed = ended.noticed, !isStopping else { return }
        let grace = settings.grace ?? ended.grace
        let earliest = noticed.advanced(by: .zero - Self.orderlyRemoval)
        if removed >= earliest, removed <= noticed.advanced(by: grace) { self.ended?.isDeliberate = true }
    }

    /// Looks who has the PID that the file names, unless that is the life we hold.
    private func namedProcess() -> (NamedProcess, ProcessHandle?) {
        guard case .names(let pid, _, _) = pidFile, pid != life?.identity.pid else { return (.nobody, nil) }
        guard !host.ourselves.contains(pid) else { return (.ourselves, nil) }
        do {
            let status = try host.processes.status(of: pid)
            guard status.threadGroup == pid else { return (.thread(of: status.threadGroup), nil) }
            let handle = try ProcessHandle(pid: pid)
            let stat = try host.processes.stat(of: pid)
            guard !stat.isKernelThread else { return (.kernelThread, nil) }
            // Alive after the reading: so all of it was of this process. A zombie is not alive.
            guard handle.isAlive else { return (.nobody, nil) }
            let identity = ProcessIdentity(bootID: host.bootID, pid: pid, startTicks: stat.startTicks)
            if let other = host.claimed.owner(of: identity, besides: id) { return (.claimed(by: other), nil) }
            let began = WallTime(sinceEpoch: WallTime.boot.sinceEpoch + identity.began.sinceBoot)
            return (.process(identity, began: began, owner: status.effectiveUser), handle)
        } catch .noSuchProcess, .noSuchFileOrDirectory {
            return (isHidden(pid) ? .unknown(.permissionDenied) : .nobody, nil)
        } catch {
            return (.unknown(error), nil)
        }
    }
}

extension EndedLife? {
    /// Asks once more how it ended, unless that is known.
    fileprivate mutating func learnHowItEnded(_ processes: any ProcessReading) {
        guard let handle = self?.uncollected?.handle else { return }
        let status = processes.exitStatus(of: handle)
        guard status != .uncollected else { return }
        self?.cause = End.Cause(status)
        if status.isOrderlySignal { self?.isDeliberate = true }
        self?.uncollected = nil
    }
}

extension ExitStatus {
    /// What somebody sends who wants it to end well.
    fileprivate var isOrderlySignal: Bool {
        switch self {
        case .signalled(let signal): signal == SIGTERM || signal == SIGINT || signal == SIGHUP
        case .running, .exited, .uncollected, .unknown: false
        }
    }
}

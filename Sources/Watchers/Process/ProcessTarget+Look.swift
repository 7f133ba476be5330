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
    /// When to look again if a shortage kept something from being seen: nobody tells when it is over.
    private static let shortagePause = Duration.seconds(2)

    /// Looks for the target's process where it is not held, however long that takes, and says what its state is.
    func lookAfresh(_ reasons: TargetHints.Reasons) async -> Observation {
        await refresh()
        return look(reasons)
    }

    /// Has the target's process looked for where it is not held.
    func refresh() async {
        if life == nil, ended == nil { takeUpRememberedLife() }
        if life?.handle.isAlive != true { await finder.refresh() }
    }

    /// Whether the process has to be looked for; later the finder does so by itself, and tells by hints.
    var isFirstSight: Bool { life == nil && ended?.noticed == nil && finder.isUnread }

    /// Reads what names the process and the process, and says what the target's state is.
    func look(_ reasons: TargetHints.Reasons) -> Observation {
        if life == nil, ended == nil { takeUpRememberedLife() }
        ended.learnHowItEnded(host.processes)
        former.learnHowItEnded(host.processes)
        var hasJustEnded = false
        if let life, !life.handle.isAlive {
            noteEnd(of: life)
            hasJustEnded = true
        }
        finder.read(reasons, known)
        var (judgement, handle) = finder.judge(known)
        if isUnheld, handle == nil, let life = note.life {
            judgement = .undetermined("process \(life.pid) can't be looked at: the system is short of something")
        }
        if case .dead = judgement, hasJustEnded, followDaemon() { (judgement, handle) = finder.judge(known) }
        if case .alive(let identity, _) = judgement, identity != life?.identity, let handle {
            begin(identity, handle)
        } else if reasons.contains(.reread) {
            rereadFacts()
        } else if reasons.contains(.refresh) {
            refreshFacts()
        }
        if let life { finder.noteName(of: life.identity, in: &note) }
        lookAgainIfShort()
        return observation(judgement)
    }

    /// Sees to another look soon if this one could not see all, or what is to come would not be heard of.
    private func lookAgainIfShort() {
        if let life, life.exit == nil { self.life?.exit = exitEvent(of: life.handle) }
        if let uncollected = ended?.uncollected, uncollected.collection == nil {
            ended?.uncollected?.collection = collectionEvent(of: uncollected.handle)
        }
        let isDeaf = life.map { $0.exit == nil } ?? ended?.uncollected.map { $0.collection == nil } ?? false
        let isShort = isUnheld || finder.shortage != nil || isDeaf
        shortageAlarm =
            isShort
            ? host.timer.after(Self.shortagePause) { [hints] in hints.raise([.changed, .reread]) } : nil
    }

    /// What the finder is told of the target's life.
    var known: KnownLife {
        KnownLife(note: note, held: life?.identity, ended: ended, children: seenChildren.union(note.children))
    }

    private func observation(_ judgement: ProcessJudgement) -> Observation {
        switch judgement {
        case .alive(let identity, let concern):
            return Observation(
                .alive(identity.identity), memoryMB: life?.memoryMB, obstacle: obstacleNow,
                concern: concern ?? directoryConcern,
                former: former?.end)
        case .dead:
            noteRemovalInGrace()
            let end = ended?.end ?? End(identity: note.life?.identity, cause: .unknown)
            return Observation(
                .dead(end), obstacle: obstacleForDead, grace: ended?.grace ?? Self.plainGrace)
        case .missing(let reason):
            return Observation(.missing(reason), obstacle: obstacleForDead)
        case .undetermined(let reason):
            return Observation(.undetermined(reason), obstacle: obstacleNow)
        }
    }

    // MARK: Lives

    /// Holds the remembered life again, if it still lives.
    private func takeUpRememberedLife() {
        isUnheld = false
        guard let identity = note.life else { return }
        var handle: ProcessHandle?
        do {
            handle = try host.hold(identity)
        } catch {
            // Nor can it be told whether it has ended.
            isUnheld = true
            return
        }
        if identity.bootID == host.bootID, let handle {
            watch(identity, handle)
            rereadFacts()
        } else if identity.bootID == host.bootID, host.isHidden(identity.pid) {
            // Whether it is the one that is remembered can't be told.
            return
        } else {
            ended = EndedLife(
                identity: identity, cause: .unknown, isDeliberate: false, leastGrace: Self.plainGrace, noticed: nil,
                lastAlive: note.seen ?? identity.began)
        }
    }

    /// A life that was found becomes the target.
    private func begin(_ identity: ProcessIdentity, _ handle: ProcessHandle) {
        // A program that makes itself a daemon ends well, and is not gone.
        let isDaemon = note.isStandIn && ended?.cause == .exit(code: 0)
        let endedUnseen = isDaemon ? nil : ended
        note.life = identity
        note.stamp = finder.stamp
        note.isStandIn = false
        note.children = []
        watch(identity, handle)
        former = former ?? endedUnseen
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
        isUnheld = false
        isStopping = false
        host.claimed.claim(identity, for: id)
    }

    func letGoOfLife() {
        life?.exit?.cancel()
        life = nil
        host.claimed.claim(nil, for: id)
    }

    private func exitEvent(of handle: ProcessHandle) -> ProcessExitEvent? {
        do {
            return try ProcessExitEvent(of: handle, on: host.loop) { [hints] in hints.raise(.changed) }
        } catch {
            tellShortage("Process can't be watched for its end, it is looked at now and then", error)
            return nil
        }
    }

    private func noteEnd(of life: HeldLife) {
        letGoOfLife()
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
        return UncollectedLife(handle: life.handle, collection: collectionEvent(of: life.handle))
    }

    private func collectionEvent(of handle: ProcessHandle) -> ProcessExitEvent? {
        do {
            return try ProcessExitEvent(collectionOf: handle, on: host.loop) { [hints] in hints.raise(.changed) }
        } catch {
            tellShortage("How it ended is asked now and then", error)
            return nil
        }
    }

    /// Once while it lasts.
    private func tellShortage(_ words: Logger.Message, _ error: Errno) {
        guard shortageAlarm == nil else { return }
        host.logger.info(words, metadata: metadata.merging(["error": "\(error)"]) { $1 })
    }

    private func grace(after life: HeldLife) -> Duration {
        guard let parent = life.parent else { return Self.plainGrace }
        do {
            return try host.hold(parent) == nil ? Self.plainGrace : Self.parentalGrace
        } catch {
            return Self.parentalGrace
        }
    }

    /// Takes the removal of the file, shortly before a death or in its grace, for an orderly end.
    private func noteRemovalInGrace() {
        guard let removed = finder.removed, let ended, let noticed = ended.noticed, !isStopping else { return }
        let grace = settings.grace ?? ended.grace
        let earliest = noticed.advanced(by: .zero - Self.orderlyRemoval)
        if removed >= earliest, removed <= noticed.advanced(by: grace) { self.ended?.isDeliberate = true }
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

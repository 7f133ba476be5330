import Glibc
import Logging
import Supervision
import SystemPackage
import SystemSupport
import WatcherAPI

/// Bringing back what is dead.
extension ProcessTarget {
    /// How far a start has come once the new program runs.
    enum Started: Sendable {
        case ended(TargetActionOutcome)
        /// A `start:` command runs; it may be the target, or make it.
        case command(ProcessIdentity, LaunchPlan, note: String?)
    }

    /// How long a program may take to write its PID file before it is done for it.
    static let rewriteDelay = Duration.seconds(5)
    /// How long what is left of an ended process may take to end too.
    private static let remnantPatience = Duration.seconds(5)

    /// Starts the target again, if nothing of it lives.
    func launch(_ startMade: @Sendable () -> Void) async -> TargetActionOutcome {
        await finish(await begin(), startMade)
    }

    /// Goes as far as to the exec. From a `restart` it must not be cancelled.
    func begin() async -> Started {
        await refresh()
        isLaunching = true
        let started = await beginUnseen()
        if case .ended = started { isLaunching = false }
        return started
    }

    private func beginUnseen() async -> Started {
        // The last look: until the program runs there is none but this.
        switch look(.changed).liveness {
        case .alive(let identity), .unhealthy(let identity, _): return .ended(.up(identity, note: nil))
        case .undetermined(let reason), .handledElsewhere(let reason):
            return .ended(.failed(reason, isPermanent: false))
        case .dead, .missing: break
        }
        do {
            let plan = try plan()
            let table = try await tableWithoutRemnants()
            if let twin = try twin(in: table, since: ended?.lastAlive) { return .ended(takeOver(twin)) }
            let (identity, note) = try await start(plan)
            if settings.start != nil { return .command(identity, plan, note: note) }
            armAlarms()
            return .ended(.up(identity.identity, note: note))
        } catch {
            return .ended(error.outcome)
        }
    }

    /// Waits for what the command makes of itself; of any other start the end is known.
    func finish(_ started: Started, _ startMade: @Sendable () -> Void) async -> TargetActionOutcome {
        switch started {
        case .ended(let outcome): return outcome
        case .command(let identity, let plan, let note):
            startMade()
            return await handover(from: identity, plan, note: note)
        }
    }

    // MARK: May it be started?

    /// What is to be started.
    ///
    /// - Throws: why nothing can be; checked before anything is stopped, too.
    func plan() throws(LaunchFailure) -> LaunchPlan {
        let user = host.runner.status.effectiveUser
        if let obstacle = obstacleForDead { throw LaunchFailure(text: obstacle, isPermanent: true) }
        if let start = settings.start {
            do {
                return try StartCommand(
                    start, user: settings.user, remembered: recipe, runner: user, openFileLimit: host.openFileLimit
                ).plan
            } catch {
                throw LaunchFailure(text: error.description)
            }
        }
        guard note.recipe != nil else {
            throw LaunchFailure(text: LaunchObstacle.neverSeen.description, isPermanent: true)
        }
        guard let recipe else {
            throw LaunchFailure(text: "how it was started can't be read from the state directory", isHindrance: true)
        }
        // Looked at anew: the file may have come back, or become setuid. So trying again can help.
        if let obstacle = obstacle(of: recipe) { throw LaunchFailure(text: obstacle) }
        return LaunchPlan(recipe, startedBy: user)
    }

    /// Waits a moment for what is left of the former life.
    ///
    /// - Returns: every process there is now. Reading them all is what a start spends most of its time with, so it is
    ///   done once, unless there was something to wait for.
    /// - Throws: when somebody writes the file just now, or something of it goes on living.
    private func tableWithoutRemnants() async throws(LaunchFailure) -> [ProcessStat] {
        if let hindrance = finder.hindrance(known) { throw LaunchFailure(text: hindrance, isHindrance: true) }
        let table = try readTable()
        let remnants = try await waitForRemnants(in: table, Self.remnantPatience)
        if let living = remnants.living.first {
            let reason = "process \(living.pid), which belonged to it, still runs: two copies are never run"
            throw LaunchFailure(text: reason, isHindrance: true)
        }
        guard remnants.wereThere else { return table }
        await finder.refresh()
        finder.read([], known)
        if let hindrance = finder.hindrance(known) { throw LaunchFailure(text: hindrance, isHindrance: true) }
        return try readTable()
    }

    /// What of the former life still lives, once it had that long to end too. None if /proc can't be read.
    func livingRemnants(patience: Duration) async -> [ProcessIdentity] {
        guard let table = try? readTable() else { return [] }
        return (try? await waitForRemnants(in: table, patience))?.living ?? []
    }

    /// Waits until nothing of the former life lives, or the patience is over.
    ///
    /// - Returns: what lives then, and whether there was something to wait for.
    /// - Throws: when that can't be told.
    private func waitForRemnants(
        in table: [ProcessStat], _ patience: Duration
    ) async throws(LaunchFailure) -> (living: [ProcessIdentity], wereThere: Bool) {
        guard let former = note.life else { return ([], false) }
        let children = Set(note.children).union(seenChildren)
        // What had looked like a child may have turned out to be another target's life.
        let strangers = host.claimed.lives(besides: id)
        let deadline = host.clock.now.advanced(by: patience)
        var living: [ProcessIdentity] = []
        var wereThere = false
        for remnant in Remnants.find(in: table, of: former, children: children, bootID: host.bootID) {
            guard !strangers.contains(remnant), let handle = try hold(remnant) else { continue }
            wereThere = true
            let left = max(.zero, host.clock.now.duration(to: deadline))
            if await !hasEnded(handle, within: left) { living.append(remnant) }
        }
        return (living, wereThere)
    }

    private func readTable() throws(LaunchFailure) -> [ProcessStat] {
        do {
            return try host.processes.table()
        } catch {
            throw LaunchFailure("/proc can't be read", error, passes: true)
        }
    }

    private func hold(_ identity: ProcessIdentity) throws(LaunchFailure) -> ProcessHandle? {
        do {
            return try host.hold(identity)
        } catch {
            throw LaunchFailure("process \(identity.pid) can't be looked at", error)
        }
    }

    /// The process that somebody else has started in its place.
    private func twin(
        in table: [ProcessStat], since lastAlive: BootInstant?
    ) throws(LaunchFailure) -> (ProcessIdentity, ProcessHandle)? {
        guard let former = note.life, let recipe else { return nil }
        let candidates = Twin.candidates(
            in: table, since: former.bootID == host.bootID ? lastAlive ?? note.seen : nil,
            excluding: host.claimed.lives(besides: id), bootID: host.bootID)
        var matches: [(stat: ProcessStat, identity: ProcessIdentity, handle: ProcessHandle)] = []
        for candidate in candidates where candidate != former && !host.ourselves.contains(candidate.pid) {
            // First what costs little: most are something else.
            guard let line = try known(of: candidate, host.processes.commandLine),
                ByteText.list(line) == recipe.arguments.texts, let handle = try hold(candidate),
                let facts = try known(of: candidate, host.processes.facts), Twin.matches(facts, recipe), handle.isAlive
            else { continue }
            matches.append((facts.stat, candidate, handle))
        }
        let original = Twin.original(among: matches.map(\.stat))
        return matches.first { $0.stat.pid == original?.pid }.map { ($0.identity, $0.handle) }
    }

    /// What is read of a process; nil when it has ended.
    private func known<Value>(
        of identity: ProcessIdentity, _ read: (Int32) throws(Errno) -> Value
    ) throws(LaunchFailure) -> Value? {
        do {
            return try read(identity.pid)
        } catch {
            guard error.isShortage else { return nil }
            throw LaunchFailure("process \(identity.pid) can't be looked at", error)
        }
    }

    /// Goes over to the daemon that a program started again has made of itself before it ended with 0, as daemons do.
    ///
    /// - Returns: whether there was one.
    func followDaemon() -> Bool {
        guard note.isStandIn, let ended, ended.cause == .exit(code: 0), let table = try? host.processes.table(),
            let twin = try? twin(in: table, since: ended.identity.began)
        else { return false }
        _ = takeOver(twin)
        armAlarms()
        return true
    }

    private func takeOver(_ twin: (ProcessIdentity, ProcessHandle)) -> TargetActionOutcome {
        let (identity, handle) = twin
        standIn(identity, handle)
        rereadFacts()
        return .up(identity.identity, note: "somebody else had started it already, as process \(identity.pid)")
    }

    // MARK: Starting

    /// Makes the process, writes its identity down, and lets it become the program.
    ///
    /// - Returns: its identity, and what a person should know of it.
    private func start(_ plan: LaunchPlan) async throws(LaunchFailure) -> (ProcessIdentity, note: String?) {
        let process = try await host.launcher.prepare(plan, for: id)
        let identity: ProcessIdentity
        do {
            identity = ProcessIdentity(try host.processes.stat(of: process.handle.pid), bootID: host.bootID)
        } catch {
            await process.abandon(on: host.loop)
            throw LaunchFailure("the new process can't be looked at", error)
        }
        let before = (note, ended, former)
        standIn(identity, process.handle)
        if case .children = host.launcher { host.claimed.adopt(process.handle, as: identity) }
        do throws(LaunchFailure) {
            guard await save() else {
                await process.abandon(on: host.loop)
                let cause = saveProblem.map { ": \($0)" } ?? ""
                throw LaunchFailure(
                    text: "the new process could not be written down, so it was not started\(cause)", isHindrance: true)
            }
            return (identity, try await letGo(process, plan))
        } catch {
            forgetStandIn(before)
            _ = await save()
            throw error
        }
    }

    private func letGo(_ process: GatedProcess, _ plan: LaunchPlan) async throws(LaunchFailure) -> String? {
        do {
            let lost = try await process.letGo(on: host.loop)
            let outputs = [(1, plan.output), (2, plan.errorOutput)] as [(Int32, OpenFile?)]
            let paths = outputs.compactMap { lost.contains($0) ? $1?.path.description : nil }
            guard !paths.isEmpty else { return nil }
            return
                "its output went to \(Set(paths).sorted().joined(separator: " and ")), now to \(host.launcher.placeForLostOutput)"
        } catch {
            throw LaunchFailure(error, plan)
        }
    }

    /// Has the new life read once it is itself, and its PID file written if it does not do that.
    private func armAlarms() {
        armReread()
        rewriteAlarm = host.timer.after(Self.rewriteDelay) { [hints] in hints.raise([.changed, .rewriteDue]) }
    }

    /// A life becomes the target although the file does not name it.
    private func standIn(_ identity: ProcessIdentity, _ handle: ProcessHandle) {
        note.life = identity
        note.stamp = finder.stamp
        note.isStandIn = true
        note.children = []
        seenChildren = []
        watch(identity, handle)
    }

    private func forgetStandIn(_ before: (note: ProcessNote, ended: EndedLife?, former: EndedLife?)) {
        letGoOfLife()
        note = before.note
        ended = before.ended
        former = before.former
    }
}

import Logging
import Supervision
import SystemPackage
import SystemSupport

/// Finds a process by a text in its command line.
final class MatchFinder: ProcessFinder {
    private let id: TargetID
    private let text: ByteText
    private var settings: TargetSettings
    private let host: ProcessHost
    private let hints: TargetHints

    private var isListening = false
    private var matches = Matches.unread
    private var pin: ProgramPin?

    init(id: TargetID, text: String, settings: TargetSettings, host: ProcessHost, hints: TargetHints) {
        self.id = id
        self.text = ByteText(text)
        self.settings = settings
        self.host = host
        self.hints = hints
    }

    var silence: String { "no process had the text in its command line" }
    var stamp: FileStamp? { nil }
    /// The scan is repeated by itself.
    var shortage: Errno? { nil }
    var removed: BootInstant? { nil }
    var isUnread: Bool { host.scanner.result(for: id) == nil }

    func take(_ new: TargetSettings) {
        settings = new
        (matches, pin) = (.unread, nil)
    }

    func listen() {
        isListening = true
    }

    func rest() {
        isListening = false
        host.scanner.rest(id)
    }

    func refresh() async {
        host.scanner.seek(id, text, hints)
        await host.scanner.scanAll()
        readMatches(former: nil, children: [])
        guard hasUnsettled else { return }
        // Cancelled, it is judged unsettled.
        try? await host.clock.sleep(for: ProcessJudgement.settleTime)
        await host.scanner.scanAll()
    }

    func read(_ reasons: TargetHints.Reasons, _ known: KnownLife) {
        pin = known.note.pin
        guard known.held == nil else {
            matches = .unread
            host.scanner.rest(id)
            return
        }
        if isListening { host.scanner.seek(id, text, hints) }
        if reasons.contains(.reread) { host.scanner.requestFullScan() }
        readMatches(former: known.note.life, children: known.children)
    }

    func judge(_ known: KnownLife) -> (ProcessJudgement, ProcessHandle?) {
        // What is remembered was neither held nor found ended: it can't be seen.
        if known.held == nil, known.ended == nil, let life = known.note.life {
            return (.undetermined("process \(life.pid) can't be looked at"), nil)
        }
        let memory = MatchMemory(
            pin: known.note.pin, life: known.held ?? known.ended?.identity, isAlive: known.held != nil,
            lastAlive: known.ended.flatMap { $0.identity.bootID == host.bootID ? $0.lastAlive : nil })
        let judgement = ProcessJudgement.judge(matches, memory, at: BootClock().now)
        guard case .alive(let identity, _) = judgement, identity != known.held else { return (judgement, nil) }
        // If it has ended since, the next scan will tell.
        var reason = "process \(identity.pid), which matched, has ended just now"
        do {
            if let handle = try host.hold(identity) { return (judgement, handle) }
        } catch {
            reason = "process \(identity.pid), which matches, can't be looked at: \(error)"
        }
        return (known.ended == nil ? .undetermined(reason) : .dead(hindrance: reason), nil)
    }

    func hindrance(_ known: KnownLife) -> String? {
        switch judge(known).0 {
        case .alive(let identity, _): "process \(identity.pid), which matches, runs by now"
        case .dead(let hindrance): hindrance
        case .missing: nil
        case .undetermined(let reason): reason
        }
    }

    /// What matches is looked for only when it has ended.
    func hindranceOnceEnded(_ known: KnownLife) -> String? { nil }

    func noteName(of life: ProcessIdentity, in note: inout ProcessNote) {}

    /// The pin follows what the living target is while it still matches: it may have had an exec, or dropped its root.
    func noteFeatures(_ facts: ProcessFacts, in note: inout ProcessNote) {
        // A `start:` command may only be what makes the target.
        guard !(note.isStandIn && settings.start != nil), let arguments = facts.arguments,
            CommandLineText(arguments).contains(text)
        else { return }
        let pin = ProgramPin(
            users: facts.status.users, executable: facts.executable, arguments: arguments)
        if note.pin == nil {
            host.logger.info(
                "Process found by its command line",
                metadata: ["target": "\(id)", "pid": "\(facts.stat.pid)", "program": "\(pin)"])
        }
        note.pin = pin
    }

    /// A `start:` command that stayed is the target.
    func announce(_ life: ProcessIdentity, in note: inout ProcessNote) {
        guard note.pin == nil, let program = try? program(of: life.pid) else { return }
        note.pin = program
    }

    // MARK: Reading

    private var hasUnsettled: Bool {
        guard case .found(let processes, _) = matches else { return false }
        let now = BootClock().now
        return processes.contains { process in
            let isOurs = pin.map { $0.users == process.program.users } ?? true
            return isOurs && process.identity.began.duration(to: now) < ProcessJudgement.settleTime
        }
    }

    private func readMatches(former: ProcessIdentity?, children: Set<ProcessIdentity>) {
        switch host.scanner.result(for: id) {
        case nil: matches = .unread
        case .failed(let error): matches = .failed(error)
        case .found(let pids, let isComplete):
            var stats: [Int32: ProcessStat] = [:]
            let read = pids.compactMap { matched($0, &stats) }
            let remnants = former.map { former in
                Set(
                    Remnants.find(
                        in: read.map(\.stat), of: former, children: children, bootID: host.bootID))
            }
            matches = .found(
                read.map { read in
                    var process = read.process
                    process.isRemnant = remnants?.contains(process.identity) ?? false
                    return process
                }, isComplete: isComplete)
        }
    }

    /// Looks at a process that the scan has found; nil when it is gone, or may never be a target.
    private func matched(
        _ pid: Int32, _ stats: inout [Int32: ProcessStat]
    ) -> (stat: ProcessStat, process: MatchedProcess)? {
        guard !host.ourselves.contains(pid), let stat = try? host.processes.stat(of: pid), !stat.isZombie,
            let program = try? program(of: pid), settings.user.map(program.isOf) ?? true,
            program.executable == nil || program.executable != host.ownExecutable,
            let ancestors = ancestors(of: stat, &stats)
        else { return nil }
        let identity = ProcessIdentity(stat, bootID: host.bootID)
        return (
            stat,
            MatchedProcess(
                identity: identity, program: program, ancestors: ancestors,
                claimedBy: host.claimed.owner(of: identity, besides: id))
        )
    }

    /// - Throws: when it is gone, or its command line does not match any more.
    private func program(of pid: Int32) throws(Errno) -> ProgramPin {
        let users = try host.processes.status(of: pid).users
        let executable = try? host.processes.executable(of: pid)
        let line = try host.processes.commandLine(of: pid)
        guard CommandLineText(line).contains(text) else { throw .noSuchProcess }
        return ProgramPin(
            users: users, executable: executable, arguments: ByteText.list(line))
    }

    /// - Returns: nil when it is a helper that the runner spawned, or came from one.
    private func ancestors(of process: ProcessStat, _ stats: inout [Int32: ProcessStat]) -> Set<Int32>? {
        var found: Set<Int32> = []
        var youngest = process
        while youngest.parent > 0, found.insert(youngest.parent).inserted {
            if youngest.parent == ProcessHandle.ownPID {
                let child = ProcessIdentity(youngest, bootID: host.bootID)
                // What the runner made for a target is a process like others.
                return host.claimed.child(child) == nil ? nil : found
            }
            guard let parent = stats[youngest.parent] ?? (try? host.processes.stat(of: youngest.parent)) else { break }
            stats[parent.pid] = parent
            youngest = parent
        }
        return found
    }
}

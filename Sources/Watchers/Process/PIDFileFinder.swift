import Logging
import Supervision
import SystemPackage
import SystemSupport

/// Finds a process by the file into which it wrote its PID.
final class PIDFileFinder: ProcessFinder {
    private let id: TargetID
    private let path: FilePath
    private let host: ProcessHost
    private let hints: TargetHints

    private var content = PIDFile.missing
    private var version: FileVersion?
    private var settled: FileStamp?
    private var named = NamedProcess.nobody
    private var handle: ProcessHandle?
    private var watch: DirectoryEvents.Watch?
    private var settleAlarm: SharedTimer.Alarm?
    private(set) var removed: BootInstant?

    init(id: TargetID, path: FilePath, host: ProcessHost, hints: TargetHints) {
        self.id = id
        self.path = path
        self.host = host
        self.hints = hints
    }

    var silence: String { "the PID file named no live process" }
    var stamp: FileStamp? { content.stamp }
    var shortage: Errno? {
        if case .unreadable(let error) = content, error.isShortage { return error }
        if case .unknown(let error) = named, error.isShortage { return error }
        return nil
    }
    /// A look reads all there is.
    var isUnread: Bool { false }

    func listen() {
        guard watch == nil else { return }
        watch = host.events?.watch(path) { [hints] hint in
            hints.raise(hint == .closed ? [.changed, .fileClosed] : .changed)
        }
    }

    func rest() {
        watch?.cancel()
        watch = nil
        settleAlarm = nil
    }

    func refresh() async {}

    func read(_ reasons: TargetHints.Reasons, _ known: KnownLife) {
        readFile(reasons)
        (named, handle) = namedProcess(besides: known.held)
    }

    func judge(_ known: KnownLife) -> (ProcessJudgement, ProcessHandle?) {
        (ProcessJudgement.judge(content, named, known.remembered), handle)
    }

    func hindrance(_ known: KnownLife) -> String? {
        guard case .dead(let hindrance) = ProcessJudgement.judge(content, .nobody, known.remembered) else { return nil }
        return hindrance
    }

    func hindranceOnceEnded(_ known: KnownLife) -> String? { hindrance(known.onceEnded) }

    /// Remembers the file as it is while it names the life that is held.
    func noteName(of life: ProcessIdentity, in note: inout ProcessNote) {
        guard case .names(life.pid, let stamp, _) = content else { return }
        note.stamp = stamp
        note.isStandIn = false
    }

    func noteFeatures(_ facts: ProcessFacts, in note: inout ProcessNote) {}

    /// Writes the PID file for a program that was started again and has not done it itself.
    func announce(_ life: ProcessIdentity, in note: inout ProcessNote) {
        guard note.isStandIn, content.stamp == note.stamp else { return }
        let runner = host.runner.status.effectiveUser
        let ids = note.recipe.flatMap(\.ids)
        guard let new = PIDFile.rewriting(path, user: ids?.user ?? runner, runner: runner) else {
            host.logger.info(
                "PID file is left alone: it is a link, somebody else's, or can be written by everybody",
                metadata: ["target": "\(id)"])
            return
        }
        func replace() throws(Errno) {
            try replaceFile(path, with: Array("\(life.pid)\n".utf8), permissions: new.permissions)
        }
        do {
            // With no more rights than its owner has, whatever the directory has become.
            if let ids, new.owner != runner { try withFileIDs(ids, replace) } else { try replace() }
            host.logger.debug("PID file rewritten", metadata: ["target": "\(id)"])
        } catch {
            host.logger.info("PID file can't be rewritten", metadata: ["target": "\(id)", "error": "\(error)"])
        }
    }

    // MARK: Reading

    private func readFile(_ reasons: TargetHints.Reasons) {
        let version = FileVersion(of: path)
        // The slow re-read of a thousand files that nobody has touched.
        if let version, version == self.version, content.isConclusive,
            reasons.isDisjoint(with: [.fileClosed, .fileSettled])
        {
            return
        }
        self.version = version
        let before = content
        content = PIDFile.read(path, settled: settled)
        if case .incomplete(let stamp, _) = content {
            let isDone = reasons.contains(.fileClosed) || (reasons.contains(.fileSettled) && before == content)
            if isDone {
                settled = stamp
                content = PIDFile.read(path, settled: settled)
            }
        }
        if case .incomplete = content {
            settleAlarm = host.timer.after(PIDFile.settleTime) { [hints] in hints.raise(.fileSettled) }
        } else {
            settleAlarm = nil
        }
        switch (before, content) {
        case (.missing, .missing): break
        case (_, .missing): removed = host.clock.now
        case (_, _): removed = nil
        }
    }

    /// Looks who has the PID that the file names, unless that is the life that is held.
    private func namedProcess(besides held: ProcessIdentity?) -> (NamedProcess, ProcessHandle?) {
        guard case .names(let pid, _, _) = content, pid != held?.pid else { return (.nobody, nil) }
        guard !host.ourselves.contains(pid) else { return (.ourselves, nil) }
        do {
            let status = try host.processes.status(of: pid)
            guard status.threadGroup == pid else { return (.thread(of: status.threadGroup), nil) }
            let handle = try ProcessHandle(pid: pid)
            let stat = try host.processes.stat(of: pid)
            guard !stat.isKernelThread else { return (.kernelThread, nil) }
            // Alive after the reading: so all of it was of this process. A zombie is not alive.
            guard handle.isAlive else { return (.nobody, nil) }
            let identity = ProcessIdentity(stat, bootID: host.bootID)
            if let other = host.claimed.owner(of: identity, besides: id) { return (.claimed(by: other), nil) }
            let began = WallTime(sinceEpoch: WallTime.boot.sinceEpoch + identity.began.sinceBoot)
            return (.process(identity, began: began, owner: status.effectiveUser), handle)
        } catch .noSuchProcess, .noSuchFileOrDirectory {
            return (host.isHidden(pid) ? .unknown(.permissionDenied) : .nobody, nil)
        } catch {
            return (.unknown(error), nil)
        }
    }
}

/// What changes with everything that is done to a file: it itself, and its ctime (inode(7)).
private struct FileVersion: Equatable {
    /// Clocks of file systems have ticks: what is younger may yet be changed within the same one.
    private static let leastAge = Duration.seconds(1)

    private var file: FileID
    private var changed: WallTime

    /// Nil for what is not there, or too young.
    init?(of path: FilePath) {
        guard let status = try? FileStatus.ofLink(path),
            WallTime.now.sinceEpoch - status.changed.sinceEpoch > Self.leastAge
        else { return nil }
        (file, changed) = (status.file, status.changed)
    }
}

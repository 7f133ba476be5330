package import Supervision
package import SystemPackage
import SystemSupport

/// A process that has a target's text in its command line.
package struct MatchedProcess: Sendable, Hashable {
    package var identity: ProcessIdentity
    package var program: ProgramPin
    /// The processes that it came from, as far as they live.
    package var ancestors: Set<Int32>
    /// The life of another target.
    package var claimedBy: TargetID?
    /// It belonged to the target's former life.
    package var isRemnant: Bool

    package init(
        identity: ProcessIdentity, program: ProgramPin, ancestors: Set<Int32> = [], claimedBy: TargetID? = nil,
        isRemnant: Bool = false
    ) {
        self.identity = identity
        self.program = program
        self.ancestors = ancestors
        self.claimedBy = claimedBy
        self.isRemnant = isRemnant
    }
}

/// What is known of a target that is found by its command line.
package struct MatchMemory: Sendable, Hashable {
    /// What the first match was.
    package var pin: ProgramPin?
    /// The life that was the target when last seen; nil when there was none.
    package var life: ProcessIdentity?
    package var isAlive: Bool
    /// When it was last known to live; nil when that was not in this boot.
    package var lastAlive: BootInstant?

    package init(
        pin: ProgramPin? = nil, life: ProcessIdentity? = nil, isAlive: Bool = false, lastAlive: BootInstant? = nil
    ) {
        self.pin = pin
        self.life = life
        self.isAlive = isAlive
        self.lastAlive = lastAlive
    }
}

/// What a scan has seen.
package enum Matches: Sendable, Hashable {
    case unread
    case failed(Errno)
    /// `isComplete`: every command line could be read.
    case found([MatchedProcess], isComplete: Bool)
}

extension ProcessJudgement {
    /// How old a process must be to count: by then wrappers such as `setsid` have become what they start, or are gone.
    package static let settleTime = Duration.milliseconds(400)

    /// Decides which of the processes that match is the target.
    ///
    /// - Parameter now: by the machine's clock, as start times are.
    package static func judge(_ matches: Matches, _ memory: MatchMemory, at now: BootInstant) -> Self {
        if memory.isAlive, let life = memory.life { return .alive(life, concern: nil) }
        switch matches {
        case .unread: return memory.doubt("/proc was not looked through yet")
        case .failed(let error): return memory.doubt("/proc can't be looked through: \(error)")
        case .found(let processes, let isComplete):
            let processes = processes.filter { !$0.isRemnant }.sorted { $0.isOlder(than: $1) }
            let free = processes.filter { $0.claimedBy == nil }
            let judged = memory.pin.map { pinned(free, $0, memory, now) } ?? unpinned(free, memory, now)
            return judged ?? none(claimed: processes.first { $0.claimedBy != nil }, isComplete, memory)
        }
    }

    // MARK: - Each gives nil when there is no such process

    /// Once pinned, only the like of it is the target, whoever else has the text in his arguments.
    private static func pinned(
        _ processes: [MatchedProcess], _ pin: ProgramPin, _ memory: MatchMemory, _ now: BootInstant
    ) -> Self? {
        if let like = processes.first(where: { $0.program == pin }) {
            return like.isSettled(at: now) ? .alive(like.identity, concern: nil) : memory.doubt(like.hasJustBegun)
        }
        // A new version perhaps, under another path, that its own user has just started.
        guard let other = processes.first(where: { $0.program.users == pin.users && memory.isNew($0) }) else {
            return nil
        }
        return memory.doubt(
            "process \(other.identity.pid) (\(other.program)) matches, but is not what was watched (\(pin)): while it "
                + "runs nothing is started")
    }

    /// The oldest of those that belong together; nobody when there are strangers among them.
    private static func unpinned(
        _ processes: [MatchedProcess], _ memory: MatchMemory, _ now: BootInstant
    ) -> Self? {
        let settled = processes.filter { $0.isSettled(at: now) }
        guard let oldest = settled.first else { return processes.first.map { memory.doubt($0.hasJustBegun) } }
        guard let stranger = settled.stranger(to: oldest) else { return .alive(oldest.identity, concern: nil) }
        return memory.doubt(
            "ambiguous: process \(oldest.identity.pid) (\(oldest.program)) and process \(stranger.identity.pid) "
                + "(\(stranger.program)) both match: name more of the command line, or set user:")
    }

    private static func none(claimed: MatchedProcess?, _ isComplete: Bool, _ memory: MatchMemory) -> Self {
        if let claimed, let other = claimed.claimedBy {
            let pid = claimed.identity.pid
            return memory.doubt("process \(pid), which matches, is watched as \(other) already: watch it once")
        }
        if memory.life != nil { return .dead(hindrance: nil) }
        return isComplete
            ? .missing("is not there: no process has that text in its command line")
            : .undetermined("no process has that text in its command line, as far as they can be looked at")
    }
}

extension MatchMemory {
    /// In doubt what was known to have ended is still down, and is not started.
    fileprivate func doubt(_ reason: String) -> ProcessJudgement {
        life == nil ? .undetermined(reason) : .dead(hindrance: reason)
    }

    /// A process may have begun a little before the end was seen.
    private static let tolerance = Duration.seconds(1)

    /// Whether a process began after the target was last known to live.
    fileprivate func isNew(_ process: MatchedProcess) -> Bool {
        lastAlive.map { process.identity.began.duration(to: $0) <= Self.tolerance } ?? true
    }
}

extension MatchedProcess {
    fileprivate func isOlder(than other: MatchedProcess) -> Bool {
        (identity.startTicks, identity.pid) < (other.identity.startTicks, other.identity.pid)
    }

    fileprivate func isSettled(at now: BootInstant) -> Bool {
        identity.began.duration(to: now) >= ProcessJudgement.settleTime
    }

    fileprivate var hasJustBegun: String {
        "process \(identity.pid) (\(program)), which matches, has just begun: waiting to see what it becomes"
    }

    fileprivate func isRelated(to other: MatchedProcess) -> Bool {
        program == other.program || ancestors.contains(other.identity.pid) || other.ancestors.contains(identity.pid)
    }
}

extension [MatchedProcess] {
    /// The first that is neither the like of this one, nor comes from it, nor is so to one that is.
    fileprivate func stranger(to process: MatchedProcess) -> MatchedProcess? {
        var strangers = self
        var family = [process]
        while let member = family.popLast() {
            family += strangers.filter { $0.isRelated(to: member) }
            strangers.removeAll { $0.isRelated(to: member) }
        }
        return strangers.first
    }
}

package import Supervision
package import SystemPackage
package import SystemSupport

/// Who has the PID that a file names.
package enum NamedProcess: Sendable, Hashable {
    case nobody
    /// A thread that is not the first of its process.
    case thread(of: Int32)
    case kernelThread
    /// The life of another target: restarted under two names, it would be two copies.
    case claimed(by: TargetID)
    /// The runner, or a process that the runner came from.
    case ourselves
    case unknown(Errno)
    case process(ProcessIdentity, began: WallTime, owner: UInt32)
}

extension ProcessJudgement {
    /// File times are coarse, and clocks are set: how much older than its process a file may be.
    package static let tolerance = Duration.seconds(2)

    /// Decides. `named` matters only if the file names somebody other than the remembered life.
    package static func judge(_ file: PIDFile, _ named: NamedProcess, _ remembered: RememberedLife?) -> Self {
        switch file {
        case .missing:
            return without(file, remembered, "PID file is gone") { .missing("there is no PID file") }
        case .unreadable(let error):
            let reason = "PID file can't be read: \(error)"
            return without(file, remembered, reason, hindrance: reason) { .undetermined(reason) }
        case .incomplete(_, let reason):
            return without(file, remembered, reason, hindrance: reason) { .undetermined(reason) }
        case .refused(_, let reason):
            return without(file, remembered, reason) { .undetermined(reason) }
        case .names(let pid, let stamp, let owner):
            if let remembered, remembered.isAlive, remembered.identity.pid == pid {
                return .alive(remembered.identity, concern: nil)
            }
            return judge(file, pid, stamp, owner, named, remembered)
        }
    }

    private static func judge(
        _ file: PIDFile, _ pid: Int32, _ stamp: FileStamp, _ owner: UInt32, _ named: NamedProcess,
        _ remembered: RememberedLife?
    ) -> Self {
        // Not written since: so it names who is known to have ended, and whoever has that PID by now is a stranger. Its
        // time alone would not tell, if the PID was used again within the tolerance.
        if let remembered, stamp == remembered.stamp {
            return remembered.isAlive ? .alive(remembered.identity, concern: nil) : .dead(hindrance: nil)
        }
        func refuse(_ reason: String) -> Self {
            without(file, remembered, reason) { .undetermined(reason) }
        }
        switch named {
        case .nobody:
            return without(file, remembered, "PID file names process \(pid), which does not run") {
                .dead(hindrance: nil)
            }
        case .thread(let process): return refuse("PID file names thread \(pid) of process \(process), not a process")
        case .kernelThread: return refuse("PID file names process \(pid), which is a thread of the kernel")
        case .claimed(let other):
            let reason = "PID file names process \(pid), which is watched as \(other) already: watch it once"
            return without(file, remembered, reason, hindrance: reason) { .undetermined(reason) }
        case .ourselves: return refuse("PID file names process \(pid), which is the runner or one that started it")
        case .unknown(let error):
            let reason = "process \(pid) can't be looked at: \(error)"
            return without(file, remembered, reason, hindrance: reason) { .undetermined(reason) }
        case .process(let identity, let began, let processOwner):
            guard owner == 0 || owner == processOwner else {
                let whose = processOwner == 0 ? "root's process \(pid)" : "process \(pid) of user \(processOwner)"
                return refuse("PID file belongs to user \(owner), who may not name \(whose)")
            }
            let isNewEnough = stamp.modified.sinceEpoch >= began.sinceEpoch - tolerance
            if let remembered, !remembered.isAlive, remembered.identity.pid == pid, !isNewEnough {
                return .dead(hindrance: nil)
            }
            if isNewEnough { return .alive(identity, concern: nil) }
            let reason =
                "doubtful: PID file is older than process \(pid), which it names; have the program write it anew"
            guard let remembered, remembered.isAlive else { return .undetermined(reason) }
            return .alive(remembered.identity, concern: reason)
        }
    }

    /// The file names no target: what is remembered decides, and if that is nothing, `otherwise`.
    private static func without(
        _ file: PIDFile, _ remembered: RememberedLife?, _ concern: String, hindrance: String? = nil,
        otherwise: () -> Self
    ) -> Self {
        guard let remembered else { return otherwise() }
        guard remembered.isAlive else { return .dead(hindrance: hindrance) }
        // A life that stands in for the one that the file names is no concern while the file stays as it was.
        let isExpected = remembered.isStandIn && file.stamp == remembered.stamp
        return .alive(remembered.identity, concern: isExpected ? nil : concern)
    }
}

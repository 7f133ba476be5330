package import Supervision
package import SystemSupport

/// What a `start:` command has left behind when it ended: its session, and orphans that have its environment.
///
/// A daemon leaves its session, and its parents end: of its descent only time, user and environment are left to see.
package enum Heirs {
    /// What shells change for those that they start.
    private static let shellVariables: Set<Substring> = ["PWD", "OLDPWD", "SHLVL", "_"]

    /// How long after the command's end the last of what it started may begin.
    private static let tolerance = Duration.seconds(1)

    /// Processes that began while the command ran and are in its session, or orphans.
    ///
    /// - Parameters:
    ///   - end: when the command had ended.
    ///   - ancestors: the runner and those it came from, one of which may take orphans as init does.
    package static func candidates(
        in table: [ProcessStat], of command: ProcessIdentity, endedBy end: BootInstant, ancestors: Set<Int32>
    ) -> [ProcessIdentity] {
        let managers = Set(table.lazy.filter(\.isManager).map(\.pid)).union(ancestors)
        return table.filter { process in
            guard !process.isZombie, !process.isKernelThread, process.pid != command.pid,
                process.startTicks >= command.startTicks,
                BootInstant(ticks: process.startTicks) <= end.advanced(by: tolerance)
            else { return false }
            return process.session == command.pid || process.parent <= 1 || managers.contains(process.parent)
        }
        .map { ProcessIdentity($0, bootID: command.bootID) }
    }

    /// Whether an orphan was taken by the init of another PID namespace, such as a container's: no command of ours has left
    /// it there, since orphans stay in their own.
    ///
    /// - Parameters:
    ///   - parent: who has it; nil when that can't be read, and then it may be ours.
    ///   - own: where the command ran.
    package static func isElsewhere(takenBy parent: ProcessFacts?, own: ProcessSurroundings) -> Bool {
        guard let theirs = parent?.surroundings.namespaces["pid"], let ours = own.namespaces["pid"] else {
            return false
        }
        return theirs != ours
    }

    /// Whether a process has the user and every variable that the command was started with, as its descendants do.
    package static func matches(_ facts: ProcessFacts, _ plan: LaunchPlan, startedBy user: UInt32) -> Bool {
        guard facts.status.effectiveUser == plan.ids?.user ?? user, let theirs = facts.environment else { return false }
        let kept = plan.environment.filter { !shellVariables.contains($0.description.prefix { $0 != "=" }) }
        return Set(theirs).isSuperset(of: kept)
    }
}

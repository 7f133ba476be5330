package import Supervision
package import SystemSupport

/// What of an ended process still lives.
package enum Remnants {
    /// Finds processes that were its children or are in the session that it led.
    ///
    /// - Parameter children: as they were at the last looks; a PID used again by somebody else does not count.
    package static func find(
        in table: [ProcessStat], of former: ProcessIdentity, children: Set<ProcessIdentity>, bootID: BootID
    ) -> [ProcessIdentity] {
        guard former.bootID == bootID else { return [] }
        // A session's number is its leader's PID, which nobody else gets while the session has a member.
        let isNumberTaken = table.contains { $0.pid == former.pid && $0.startTicks != former.startTicks }
        return table.compactMap { process in
            let identity = ProcessIdentity(process, bootID: bootID)
            guard !process.isZombie, identity != former else { return nil }
            let isInSession = !isNumberTaken && process.session == former.pid
            return children.contains(identity) || isInSession ? identity : nil
        }
    }
}

/// Finds a process that somebody else started in the place of one that ended.
package enum Twin {
    /// File and process times have 10 ms at best; a twin may have begun a little before the death was seen.
    private static let tolerance = Duration.seconds(1)

    /// The processes that began late enough and could be one; the youngest first.
    ///
    /// - Parameter since: when the target was last known to live in this boot; nil when that is not known.
    package static func candidates(
        in table: [ProcessStat], since: BootInstant?, excluding claimed: Set<ProcessIdentity>, bootID: BootID
    ) -> [ProcessIdentity] {
        let earliest = (since ?? BootInstant(sinceBoot: .zero)).advanced(by: .zero - tolerance)
        return table.filter { !$0.isZombie && !$0.isKernelThread && BootInstant(ticks: $0.startTicks) >= earliest }
            .map { ProcessIdentity($0, bootID: bootID) }
            .filter { !claimed.contains($0) }
            .sorted { ($0.startTicks, $0.pid) > ($1.startTicks, $1.pid) }
    }

    /// Which of several that match is the one that was started: the youngest, for a program that makes itself a daemon has
    /// begun before that, but no part of another one, as a shell is that runs a command for a script (credentials(7)).
    ///
    /// - Parameter matches: the youngest first.
    package static func original(among matches: [ProcessStat]) -> ProcessStat? {
        matches.first { match in !matches.contains { $0.pid == match.parent && $0.session == match.session } }
    }

    /// Whether a process is the same program, started in the same way by the same user.
    package static func matches(_ facts: ProcessFacts, _ recipe: LaunchRecipe) -> Bool {
        facts.status.users == recipe.users && facts.executable?.withoutDeletedMark == recipe.executable
            && facts.arguments == recipe.arguments.texts && facts.directory?.withoutDeletedMark == recipe.directory
    }
}

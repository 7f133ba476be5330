package import Logging
package import Supervision
package import SystemSupport
package import WireProtocol

/// Where the ledger of commands is kept on disk.
package protocol CommandJournal: Sendable {
    /// Takes entries to be written in the order of the calls, before anything that is written after them. What they say
    /// of results comes back through ``CommandDesk/settled(_:_:)``.
    func write(_ entries: [CommandLedger.Entry])

    /// Returns when all that was given before is on the disk, or can't be.
    ///
    /// - Returns: whether it is there.
    func commit() async -> Bool
}

/// The one place that knows what became of every command: takes what the poll brings, and keeps results until told.
package actor CommandDesk {
    private var ledger: CommandLedger
    private let journal: any CommandJournal
    private var intake: CommandIntake
    private let logger: Logger
    private let resultSignal: WakeSignal
    private var troubles = Troubles()

    /// - Parameter resultSignal: raised when there is a result to tell.
    package init(
        ledger: CommandLedger, journal: any CommandJournal, intake: CommandIntake, resultSignal: WakeSignal,
        logger: Logger
    ) {
        self.ledger = ledger
        self.journal = journal
        self.intake = intake
        self.resultSignal = resultSignal
        self.logger = logger
    }

    /// Takes what the runner's own list is from now on.
    package func retarget(_ targets: Set<TargetID>) {
        intake.targets = targets
    }

    /// Takes the commands of one answer. Each is in the journal when it is returned to be carried out; while that can't be
    /// written none is, as the next runner would not know of it and could carry it out again.
    ///
    /// - Returns: what is to be carried out, and whether anything in the answer was new.
    package func receive(
        _ offer: CommandOffer, at now: BootInstant
    ) async -> (tickets: [(TargetID, CommandTicket)], hadNews: Bool) {
        for problem in offer.problems where troubles.isNew(problem) {
            logger.warning(
                "The server sent a command that can't be read; it is ignored", metadata: ["problem": "\(problem)"])
        }
        var tickets: [(TargetID, CommandTicket)] = []
        var hadNews = false
        for command in offer.commands {
            let key = intake.key(of: command)
            switch ledger.standing(of: key) {
            case .inHand: continue
            case .resolved:
                enter(.received(key))
                resultSignal.raise()
            case .new:
                hadNews = true
                enter(.received(key))
                switch intake.judge(command, at: now) {
                case .carryOut(let ticket, let id):
                    logger.notice(
                        "Command received",
                        metadata: ["command": "\(key.id)", "action": "\(ticket.action.rawValue)", "target": "\(id)"])
                    tickets.append((id, ticket))
                case .reject(let key, let reason):
                    logger.warning("Command rejected", metadata: ["command": "\(key.id)", "reason": "\(reason)"])
                    journal.write([.resolved(key, CommandResult(status: .rejected, message: reason))])
                }
            }
        }
        if !tickets.isEmpty, await !journal.commit() {
            journal.write(tickets.map { .resolved($1.key, .unwritten) })
            tickets = []
        }
        return (tickets, hadNews)
    }

    /// Takes how a command ended, which is on the disk; the first result stands.
    package func settled(_ key: CommandKey, _ result: CommandResult) {
        guard ledger.standing(of: key) == .inHand else { return }
        logger.notice(
            "Command ended",
            metadata: [
                "command": "\(key.id)", "status": "\(result.status.rawValue)", "message": "\(result.message ?? "")",
            ])
        ledger.apply(.resolved(key, result))
        resultSignal.raise()
    }

    /// Ends what an earlier runner had received, and nobody will say how it ended.
    ///
    /// - Parameters:
    ///   - begun: what the targets' records say was begun; their machines will say how it ended.
    ///   - lost: what was begun, and can't be judged any more: in an earlier boot, or on what is not watched now.
    package func closeLeft(except begun: Set<CommandKey>, lost: Set<CommandKey>) {
        let unbegun = CommandResult(status: .failed, message: "not carried out: the runner ended before it began")
        let left = ledger.inHand.filter { !begun.contains($0) }
        journal.write(left.map { .resolved($0, lost.contains($0) ? .interrupted : unbegun) })
    }

    /// The oldest result that the server has not taken yet, of those not in `skipping`.
    package func nextResult(skipping: Set<CommandKey>) -> (key: CommandKey, result: CommandResult)? {
        ledger.unreported.first { !skipping.contains($0.key) }
    }

    /// The server has taken a result, or refused it for good.
    package func reported(_ key: CommandKey) {
        enter(.reported(key))
    }

    private func enter(_ entry: CommandLedger.Entry) {
        ledger.apply(entry)
        journal.write([entry])
    }
}

package import ServerLink
package import Supervision
package import WireProtocol

/// What the journal remembers, one thing each.
package enum JournalEntry: Sendable, Hashable, Codable {
    /// Numbers up to this one may have been used as `seq`.
    case counted(seq: Int64)
    /// A state change waits for the server.
    indirect case changed(JournaledChange)
    /// The server has taken these, or refused them for good.
    case delivered(seqs: [Int64])
    indirect case record(TargetRecord, of: TargetID)
    /// It is not watched any more.
    case forgotten(TargetID)
    indirect case command(CommandLedger.Entry)
}

/// A state change as it is kept on disk: with the time of day, for what is delivered after the next boot.
package struct JournaledChange: Sendable, Hashable, Codable {
    package var seq: Int64
    package var eventID: String
    package var target: TargetID
    package var agent: String
    package var status: HeartbeatStatus
    package var message: String?
    package var event: HeartbeatEvent?
    package var memoryMB: Double?
    /// How many earlier changes it stands for; nil is none.
    package var merged: Int?
    /// The boot in which `observed` means something.
    package var bootID: String
    package var observed: BootInstant
    package var observedAt: WireTime

    /// - Parameter observedAt: what people's clocks showed at `change.observed`.
    package init(_ change: StateChange, bootID: String, observedAt: WireTime) {
        seq = change.seq
        eventID = change.eventID
        target = change.target.id
        agent = change.target.agent
        status = change.report.status
        message = change.report.message
        event = change.report.event
        memoryMB = change.report.memoryMB
        merged = change.merged > 0 ? change.merged : nil
        self.bootID = bootID
        observed = change.observed
        self.observedAt = observedAt
    }

    /// The change as the boot knew it that wrote it.
    package var asWritten: StateChange { change(bootID: bootID, now: observed, wall: observedAt) }

    /// The change as this boot knows it.
    ///
    /// - Parameters:
    ///   - now: the present moment on the clock of this boot, and `wall` what people's clocks show.
    package func change(bootID: String, now: BootInstant, wall: WireTime) -> StateChange {
        var observed = observed
        if self.bootID != bootID {
            // Only the time of day spans a boot; it may have been set in between, but nothing happened in the future.
            let (age, isAbsurd) = wall.millisecondsSince1970.subtractingReportingOverflow(
                observedAt.millisecondsSince1970)
            observed = now.advanced(by: .milliseconds(isAbsurd ? 0 : -max(0, age)))
        }
        var change = StateChange(
            seq: seq, target: WatchedTarget(id: target, agent: agent),
            report: TargetReport(status: status, message: message, event: event, memoryMB: memoryMB),
            observed: observed, eventID: eventID)
        change.merged = merged ?? 0
        return change
    }
}

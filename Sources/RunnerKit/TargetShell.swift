import Logging
import Supervision
import WatcherAPI
import WireProtocol

/// Feeds one target's state machine and carries out its actions. Its caller gives it one event after the other.
actor TargetShell<C: Clock> where C.Instant == BootInstant {
    /// What all shells of a runner share.
    final class Surroundings: Sendable {
        let store: any TargetRecordStore
        let tell: @Sendable (TargetReport, TargetID, BootInstant) async -> Void
        let resolve: @Sendable (CommandKey, CommandResult) async -> Void
        /// Begins an action, which ends with an event.
        let perform: @Sendable (TargetAction, TargetID) -> Void
        /// Looks into a death, which ends with an event.
        let gather: @Sendable (Evidence, TargetID, _ lines: Int) -> Void
        let gate: StartGate
        let deadlines: DeadlineQueue<C>
        let clock: C
        let logger: Logger

        init(
            store: any TargetRecordStore,
            tell: @escaping @Sendable (TargetReport, TargetID, BootInstant) async -> Void,
            resolve: @escaping @Sendable (CommandKey, CommandResult) async -> Void,
            perform: @escaping @Sendable (TargetAction, TargetID) -> Void,
            gather: @escaping @Sendable (Evidence, TargetID, _ lines: Int) -> Void, gate: StartGate,
            deadlines: DeadlineQueue<C>, clock: C, logger: Logger
        ) {
            self.store = store
            self.tell = tell
            self.resolve = resolve
            self.perform = perform
            self.gather = gather
            self.gate = gate
            self.deadlines = deadlines
            self.clock = clock
            self.logger = logger
        }
    }

    private let surroundings: Surroundings
    private var machine: TargetStateMachine
    private var hasEnded = false

    /// How things stand after an event.
    enum Progress {
        case going
        /// The runner stops, and nothing is in hand any more. Told once.
        case ended
    }

    private var target: WatchedTarget { machine.target }
    private var id: TargetID { machine.target.id }

    init(_ machine: TargetStateMachine, _ surroundings: Surroundings) {
        self.machine = machine
        self.surroundings = surroundings
    }

    func handle(_ event: TargetStateMachine.Event) async -> Progress {
        guard !hasEnded else { return .going }
        var told = machine.report
        let actions = machine.handle(event, at: surroundings.clock.now)
        for action in actions {
            if case .report(var report) = action {
                report.event = nil
                told = report
            }
            await carryOut(action)
        }
        // Memory changes without an action of its own: the next plain heartbeat tells it.
        if machine.report != told { await surroundings.tell(machine.report, id, surroundings.clock.now) }
        surroundings.deadlines.set(machine.deadline, for: id)
        hasEnded = machine.isStopping && !machine.isOperating
        return hasEnded ? .ended : .going
    }

    private func carryOut(_ action: TargetStateMachine.Action) async {
        switch action {
        case .report(let report):
            log(report)
            await surroundings.tell(report, id, surroundings.clock.now)
        case .resolve(let key, let result): await surroundings.resolve(key, result)
        case .persist(let record): await surroundings.store.save(record, of: id)
        case .requestStart: surroundings.gate.request(id)
        case .releaseStart: surroundings.gate.release(id)
        case .perform(let action): surroundings.perform(action, id)
        case .gather(let evidence): surroundings.gather(evidence, id, machine.settings.logTail)
        }
    }

    private func log(_ report: TargetReport) {
        guard let event = report.event else { return }
        surroundings.logger.log(
            level: report.status == .error ? .warning : .notice, "\(report.message ?? target.agent)",
            metadata: ["target": "\(id)", "event": "\(event.kind.rawValue)"])
    }
}

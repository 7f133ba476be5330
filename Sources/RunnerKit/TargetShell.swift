import Logging
import Supervision
import WatcherAPI
import WireProtocol

/// Something that happened to a target. What is told of it bears its time, however long it had to wait.
struct TimedEvent: Sendable {
    var event: TargetStateMachine.Event
    var moment: BootInstant
}

/// Feeds one target's state machine and carries out its actions. Its caller gives it one event after the other.
actor TargetShell<C: Clock> where C.Instant == BootInstant {
    /// What all shells of a runner share.
    final class Surroundings: Sendable {
        let journal: Journal<C>
        /// Begins an action, which ends with an event.
        let perform: @Sendable (TargetAction, TargetID) -> Void
        /// Looks into a death, which ends with an event.
        let gather: @Sendable (Evidence, TargetID, _ lines: Int) -> Void
        let gate: StartGate
        let deadlines: DeadlineQueue<C>
        let logger: Logger

        init(
            journal: Journal<C>,
            perform: @escaping @Sendable (TargetAction, TargetID) -> Void,
            gather: @escaping @Sendable (Evidence, TargetID, _ lines: Int) -> Void, gate: StartGate,
            deadlines: DeadlineQueue<C>, logger: Logger
        ) {
            self.journal = journal
            self.perform = perform
            self.gather = gather
            self.gate = gate
            self.deadlines = deadlines
            self.logger = logger
        }
    }

    private let surroundings: Surroundings
    private var machine: TargetStateMachine
    private var hasEnded = false

    /// How things stand after an event.
    enum Progress {
        case going
        /// It stops, and nothing is in hand any more. Told once.
        case ended
    }

    private var target: WatchedTarget { machine.target }
    private var id: TargetID { machine.target.id }
    var snapshot: TargetSnapshot { TargetSnapshot(machine) }

    init(_ machine: TargetStateMachine, _ surroundings: Surroundings) {
        self.machine = machine
        self.surroundings = surroundings
    }

    func handle(_ timed: TimedEvent) async -> Progress {
        guard !hasEnded else { return .going }
        var told = machine.report
        let isFirstSight = machine.state == .unseen
        var items: [JournalItem] = []
        for action in machine.handle(timed.event, at: timed.moment) {
            if case .report(var report) = action {
                if report.event == nil, report.message != told.message {
                    logNote(report, isFirstSight: isFirstSight)
                }
                report.event = nil
                told = report
            }
            switch action {
            case .report(let report):
                log(report)
                items.append(.report(report, of: target, at: timed.moment))
            case .resolve(let key, let result):
                items.append(key.isOfHost ? .answer(key, result) : .command(.resolved(key, result)))
            case .persist(let record): items.append(.record(record, of: id))
            case .requestStart: surroundings.gate.request(id)
            case .releaseStart: surroundings.gate.release(id)
            case .perform(let action):
                await writeDown(items)
                items = []
                surroundings.perform(action, id)
            case .gather(let evidence): surroundings.gather(evidence, id, machine.settings.logTail)
            }
        }
        // Memory changes without an action of its own: the next plain heartbeat tells it.
        if machine.report != told { items.append(.report(machine.report, of: target, at: timed.moment)) }
        hasEnded = machine.isStopping && !machine.isOperating
        if hasEnded, machine.isWithdrawn { items.append(.forget(id)) }
        surroundings.journal.write(items)
        surroundings.deadlines.set(hasEnded && machine.isWithdrawn ? nil : machine.deadline, for: id)
        return hasEnded ? .ended : .going
    }

    /// Writes down what precedes an action: it waits until the disk knows of it, but not until it knows what was told.
    private func writeDown(_ items: [JournalItem]) async {
        let mustPrecede = items.contains { item in
            switch item {
            case .record, .forget, .command: true
            case .report, .answer, .delivered: false
            }
        }
        if mustPrecede { await surroundings.journal.commit(items) } else { surroundings.journal.write(items) }
    }

    /// What plain heartbeats say from now on: once, although they repeat it.
    private func logNote(_ report: TargetReport, isFirstSight: Bool) {
        // That all is well at first is no news.
        guard report.message != nil || !isFirstSight else { return }
        surroundings.logger.notice(
            "\(report.message ?? "\(target.agent) is \(report.status.rawValue)")", metadata: ["target": "\(id)"])
    }

    private func log(_ report: TargetReport) {
        guard let event = report.event else { return }
        // That it is being restarted was announced with its death, and what comes of it follows.
        let level: Logger.Level =
            event.kind == .restarting ? .debug : report.status == .error ? .warning : .notice
        surroundings.logger.log(
            level: level, "\(report.message ?? target.agent)",
            metadata: ["target": "\(id)", "event": "\(event.kind.rawValue)"])
    }
}

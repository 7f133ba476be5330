import Logging
import Supervision
import WatcherAPI
import WireProtocol

/// Feeds one target's state machine and carries out its actions, strictly one after the other.
struct TargetShell<C: Clock>: Sendable where C.Instant == BootInstant {
    /// What all shells of a runner share.
    struct Surroundings: Sendable {
        var store: any TargetRecordStore
        var tell: @Sendable (TargetReport, TargetID, BootInstant) async -> Void
        var resolve: @Sendable (CommandKey, CommandResult) async -> Void
        var gate: StartGate
        var deadlines: DeadlineQueue<C>
        var clock: C
        var logger: Logger
    }

    let target: WatchedTarget
    let watcher: any Watcher & TargetController
    let surroundings: Surroundings
    /// Unbounded, and kept short by who fills it: an observation is awaited by its watcher, a deadline and a permit come
    /// only when asked for, and a command once per ledger line.
    let inbox = AsyncStream.makeStream(of: TargetStateMachine.Event.self)

    private var id: TargetID { target.id }

    func submit(_ event: TargetStateMachine.Event) {
        inbox.continuation.yield(event)
    }

    /// Runs until the runner stops and no action is in hand, or until cancelled.
    func run(_ machine: TargetStateMachine) async {
        var machine = machine
        var told = machine.report
        await withDiscardingTaskGroup { group in
            group.addTask { await observe() }
            for await event in inbox.stream {
                let actions = machine.handle(event, at: surroundings.clock.now)
                for action in actions {
                    if case .report(var report) = action {
                        report.event = nil
                        told = report
                    }
                    if case .perform(let action) = action {
                        group.addTask {
                            let outcome = await watcher.perform(action, on: id) { submit(.startMade) }
                            submit(.finished(outcome))
                        }
                    } else {
                        await carryOut(action)
                    }
                }
                // Memory changes without an action of its own: the next plain heartbeat tells it.
                if machine.report != told {
                    told = machine.report
                    await surroundings.tell(told, id, surroundings.clock.now)
                }
                surroundings.deadlines.set(machine.deadline, for: id)
                if machine.isStopping, !machine.isOperating { break }
            }
            group.cancelAll()
        }
    }

    private func observe() async {
        do {
            try await watcher.observe(id) { submit(.observed($0)) }
        } catch {
            guard !Task.isCancelled else { return }
            submit(.observed(Observation(.undetermined("can't be observed: \(error)"))))
        }
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
        case .perform: break  // begun by `run`, which owns the task
        }
    }

    private func log(_ report: TargetReport) {
        guard let event = report.event else { return }
        surroundings.logger.log(
            level: report.status == .error ? .warning : .notice, "\(report.message ?? target.agent)",
            metadata: ["target": "\(id)", "event": "\(event.kind.rawValue)"])
    }
}

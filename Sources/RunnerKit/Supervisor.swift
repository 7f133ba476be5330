package import Logging
import NIOConcurrencyHelpers
package import ServerLink
import ServiceLifecycle
package import Supervision
import SystemSupport
package import WatcherAPI

/// Supervises all targets: each on its own, none waiting for another.
package final class Supervisor<C: Clock>: Service where C.Instant == BootInstant {
    /// One target and how it is to be treated.
    package struct Assignment: Sendable {
        package var target: WatchedTarget
        package var settings: TargetSettings

        package init(target: WatchedTarget, settings: TargetSettings) {
            self.target = target
            self.settings = settings
        }
    }

    /// How long an action in hand may go on when the runner stops. A restart that has signalled its target goes on.
    package static var shutdownPatience: Duration { .seconds(10) }

    private let shells: [TargetID: TargetShell<C>]
    private let observed: [(watcher: any Watcher & TargetController, targets: [TargetID])]
    private let mailboxes: Mailboxes<TargetID, TimedEvent>
    /// Puts what has just happened into a target's mailbox.
    private let put: @Sendable (TargetStateMachine.Event, TargetID) -> Void
    private let deadlines: DeadlineQueue<C>
    private let journal: Journal<C>
    private let clock: C
    private let farewell: Farewell<C>

    /// - Parameters:
    ///   - watchers: one for each kind that is watched.
    ///   - journal: takes what must not be lost, and what the server is to hear.
    ///   - records: what an earlier runner wrote down.
    ///   - farewell: is told when the end begins.
    ///   - capacity: how many starts may run at once.
    package init(
        _ assignments: [Assignment], watchers: [WatcherKind: any Watcher & TargetController],
        journal: Journal<C>, records: [TargetID: TargetRecord], desk: CommandDesk, farewell: Farewell<C>, clock: C,
        bootID: String, capacity: Int, seed: UInt64, logger: Logger
    ) async {
        let mailboxes = Mailboxes<TargetID, TimedEvent>()
        let send: @Sendable (TargetStateMachine.Event, TargetID) -> Void = { event, target in
            mailboxes.send(TimedEvent(event: event, moment: clock.now), to: target)
        }
        deadlines = DeadlineQueue(clock: clock) { send(.deadlineReached, $0) }
        let surroundings = TargetShell<C>.Surroundings(
            journal: journal,
            perform: { action, id in
                guard let watcher = watchers[id.kind] else { return }
                mailboxes.perform {
                    let outcome = await watcher.perform(action, on: id) { send(.startMade, id) }
                    // What the end of the runner cancels has no outcome: the next runner finds it in hand.
                    if !Task.isCancelled { send(.finished(outcome), id) }
                }
            },
            gather: { evidence, id, lines in
                guard let watcher = watchers[id.kind] else { return }
                mailboxes.perform {
                    let gatherer = EvidenceGatherer(clock: clock)
                    let evidence = await gatherer.complete(evidence, of: id, lines: lines, from: watcher)
                    send(.gathered(evidence), id)
                }
            },
            gate: StartGate(capacity: capacity) { send(.startPermitted, $0) }, deadlines: deadlines, logger: logger)
        var shells: [TargetID: TargetShell<C>] = [:]
        var targets: [WatcherKind: [TargetID]] = [:]
        var begun: Set<CommandKey> = []
        for (index, assignment) in assignments.enumerated() {
            let id = assignment.target.id
            guard watchers[id.kind] != nil else { continue }
            targets[id.kind, default: []].append(id)
            let record = records[id]
            // Of an earlier boot nothing goes on, and its phase is not restored.
            if let record, record.bootID == bootID, let key = record.command { begun.insert(key) }
            let machine = TargetStateMachine(
                target: assignment.target, settings: assignment.settings, record: record, bootID: bootID,
                seed: seed &+ UInt64(index))
            shells[id] = TargetShell(machine, surroundings)
        }
        await desk.closeLeft(except: begun, lost: Set(records.values.compactMap(\.command)).subtracting(begun))
        self.shells = shells
        self.journal = journal
        observed = targets.compactMap { kind, targets in watchers[kind].map { ($0, targets) } }
        self.mailboxes = mailboxes
        put = send
        self.clock = clock
        self.farewell = farewell
    }

    /// Gives what a person or the server wants to its target; it is carried out when nothing else is in hand.
    package func send(_ event: TargetStateMachine.Event, to target: TargetID) {
        guard shells[target] != nil else { return }
        put(event, target)
    }

    /// How a target's supervision stands; nil when it is not supervised here.
    package func snapshot(of target: TargetID) async -> TargetSnapshot? { await shells[target]?.snapshot }

    /// How the supervision of all targets stands.
    package func snapshots() async -> [TargetID: TargetSnapshot] {
        var snapshots: [TargetID: TargetSnapshot] = [:]
        for (id, shell) in shells { snapshots[id] = await shell.snapshot }
        return snapshots
    }

    /// Returns when what has come to the targets so far is being handled.
    package func tick() async {
        let turn = WakeSignal()
        mailboxes.perform { turn.raise() }
        await turn.wait()
    }

    package func run() async throws {
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Bool.self) { group in
                group.addTask {
                    await self.deadlines.run()
                    return false
                }
                for (watcher, targets) in self.observed {
                    group.addTask {
                        await watcher.observe(targets) { self.put(.observed($1), $0) }
                        return false
                    }
                }
                group.addTask {
                    await self.handleEvents()
                    return true
                }
                group.addTask {
                    try? await gracefulShutdown()
                    try? await self.clock.sleep(
                        until: self.clock.now.advanced(by: Self.shutdownPatience), tolerance: nil)
                    return true
                }
                // The shells end by themselves when nothing is in hand; the patience may end first.
                while let isOver = await group.next(), !isOver {}
                group.cancelAll()
            }
            // Who ends after us is to know all of it.
            await self.journal.commit()
        } onGracefulShutdown: {
            self.farewell.begin()
            for target in self.shells.keys { self.put(.runnerStopping, target) }
        }
    }

    /// Returns when the runner stops and no shell has anything in hand.
    private func handleEvents() async {
        let left = NIOLockedValueBox(shells.count)
        await mailboxes.run { [shells, mailboxes] target, timed in
            guard await shells[target]?.handle(timed) == .ended else { return }
            let isLast = left.withLockedValue { left in
                left -= 1
                return left == 0
            }
            if isLast { mailboxes.finish() }
        }
    }
}

extension TargetRecord {
    /// The command that was being carried out.
    fileprivate var command: CommandKey? {
        switch phase {
        case .operating(_, _, let command): command
        case .settling(let command): command
        case .idle, .waiting: nil
        }
    }
}

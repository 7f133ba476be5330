package import Logging
import NIOConcurrencyHelpers
package import ServerLink
import ServiceLifecycle
package import Supervision
import SystemSupport
import WatcherAPI

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

    private struct State {
        var shells: [TargetID: TargetShell<C>] = [:]
        var assignments: [TargetID: Assignment] = [:]
        /// Those that have nothing in hand any more, and begin nothing.
        var ended: Set<TargetID> = []
        /// Who waits for the end of a target that is watched no more.
        var leavings: [TargetID: WakeSignal] = [:]
        var isStopping = false

        /// The runner stops, and there is nothing left to wait for.
        var isOver: Bool { isStopping && ended.count == shells.count }
    }

    private let state = NIOLockedValueBox(State())
    private let watchers: WatcherSet
    private let surroundings: TargetShell<C>.Surroundings
    private let bootID: String
    private let seed: UInt64
    /// Watchers that are to observe these targets, from now to the end.
    private let observations = AsyncStream.makeStream(of: (any Watcher, [TargetID]).self)
    private let mailboxes: Mailboxes<TargetID, TimedEvent>
    /// Puts what has just happened into a target's mailbox.
    private let put: @Sendable (TargetStateMachine.Event, TargetID) -> Void
    private let deadlines: DeadlineQueue<C>
    private let journal: Journal<C>
    private let clock: C
    private let farewell: Farewell<C>

    /// - Parameters:
    ///   - watchers: with one for each kind that is watched.
    ///   - journal: takes what must not be lost, and what the server is to hear.
    ///   - records: what an earlier runner wrote down.
    ///   - farewell: is told when the end begins.
    ///   - capacity: how many starts may run at once.
    package init(
        _ assignments: [Assignment], watchers: WatcherSet,
        journal: Journal<C>, records: [TargetID: TargetRecord], desk: CommandDesk, farewell: Farewell<C>, clock: C,
        bootID: String, capacity: Int, seed: UInt64, logger: Logger
    ) async {
        let mailboxes = Mailboxes<TargetID, TimedEvent>()
        let send: @Sendable (TargetStateMachine.Event, TargetID) -> Void = { event, target in
            mailboxes.send(TimedEvent(event: event, moment: clock.now), to: target)
        }
        deadlines = DeadlineQueue(clock: clock) { send(.deadlineReached, $0) }
        surroundings = TargetShell<C>.Surroundings(
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
        self.journal = journal
        self.watchers = watchers
        self.mailboxes = mailboxes
        self.clock = clock
        self.farewell = farewell
        self.bootID = bootID
        self.seed = seed
        put = send
        // Of an earlier boot nothing goes on, and its phase is not restored.
        let begun = Set(
            assignments.compactMap { records[$0.target.id] }.filter { $0.bootID == bootID }.compactMap(\.command))
        await desk.closeLeft(except: begun, lost: Set(records.values.compactMap(\.command)).subtracting(begun))
        let own = assignments.filter { watchers[$0.target.id.kind] != nil }
        add(own, records: records)
        for (kind, targets) in own.targetsByKind() {
            if let watcher = watchers[kind] { observations.continuation.yield((watcher, Array(targets.keys))) }
        }
    }

    private func add(_ assignments: [Assignment], records: [TargetID: TargetRecord] = [:]) {
        for (index, assignment) in assignments.enumerated() {
            let id = assignment.target.id
            let machine = TargetStateMachine(
                target: assignment.target, settings: assignment.settings, record: records[id], bootID: bootID,
                seed: seed &+ UInt64(index))
            let shell = TargetShell(machine, surroundings)
            state.withLockedValue { state in
                state.shells[id] = shell
                state.assignments[id] = assignment
            }
        }
    }

    // MARK: - Other targets

    /// Lets go of all targets but these, once nothing is in hand for them, and forgets what is written down of them.
    package func withdraw(except kept: [Assignment]) async {
        let kept = Dictionary(kept.map { ($0.target.id, $0.target) }) { first, _ in first }
        let leavings = state.withLockedValue { state in
            guard !state.isStopping else { return [:] as [TargetID: WakeSignal] }
            for (id, assignment) in state.assignments where kept[id] != assignment.target {
                state.leavings[id] = WakeSignal()
            }
            return state.leavings
        }
        for id in leavings.keys { put(.withdrawn, id) }
        for leaving in leavings.values { await leaving.wait() }
    }

    /// Takes what the targets are from now on: of those before, none may be missing.
    package func admit(_ assignments: [Assignment]) async {
        let (former, isStopping) = state.withLockedValue { ($0.assignments, $0.isStopping) }
        guard !isStopping else { return }
        add(assignments.filter { former[$0.target.id] == nil })
        let changed = assignments.filter { new in former[new.target.id].map { $0.settings != new.settings } ?? false }
        state.withLockedValue { state in
            for assignment in changed { state.assignments[assignment.target.id] = assignment }
        }
        let new = await watchers.adopt(assignments.targetsByKind())
        for observation in new { observations.continuation.yield(observation) }
        for assignment in changed { put(.configured(assignment.settings), assignment.target.id) }
    }

    // MARK: - What is wanted, and how things stand

    /// Gives what a person or the server wants to its target; it is carried out when nothing else is in hand.
    package func send(_ event: TargetStateMachine.Event, to target: TargetID) {
        guard shell(of: target) != nil else { return }
        put(event, target)
    }

    /// How a target's supervision stands; nil when it is not supervised here.
    package func snapshot(of target: TargetID) async -> TargetSnapshot? { await shell(of: target)?.snapshot }

    private func shell(of target: TargetID) -> TargetShell<C>? { state.withLockedValue { $0.shells[target] } }

    /// How the supervision of all targets stands.
    package func snapshots() async -> [TargetID: TargetSnapshot] {
        var snapshots: [TargetID: TargetSnapshot] = [:]
        for (id, shell) in state.withLockedValue({ $0.shells }) { snapshots[id] = await shell.snapshot }
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
                group.addTask {
                    await withDiscardingTaskGroup { group in
                        for await (watcher, targets) in self.observations.stream {
                            group.addTask { await watcher.observe(targets) { self.put(.observed($1), $0) } }
                        }
                    }
                    return false
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
            let (targets, isOver) = self.state.withLockedValue { state in
                state.isStopping = true
                return (Array(state.shells.keys), state.isOver)
            }
            for target in targets { self.put(.runnerStopping, target) }
            if isOver { self.mailboxes.finish() }
        }
    }

    /// Returns when the runner stops and no shell has anything in hand.
    private func handleEvents() async {
        await mailboxes.run { [self] target, timed in
            guard await shell(of: target)?.handle(timed) == .ended else { return }
            let (leaving, isOver) = state.withLockedValue { state in
                let leaving = state.leavings.removeValue(forKey: target)
                if leaving == nil {
                    state.ended.insert(target)
                } else {
                    state.shells[target] = nil
                    state.assignments[target] = nil
                }
                return (leaving, state.isOver)
            }
            leaving?.raise()
            if isOver { mailboxes.finish() }
        }
    }
}

extension Array {
    /// What each watcher is to be given.
    fileprivate func targetsByKind<C: Clock>() -> [WatcherKind: [TargetID: TargetSettings]]
    where Element == Supervisor<C>.Assignment {
        reduce(into: [:]) { $0[$1.target.id.kind, default: [:]][$1.target.id] = $1.settings }
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

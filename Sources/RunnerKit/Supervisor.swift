package import Logging
import NIOConcurrencyHelpers
package import ServerLink
import ServiceLifecycle
package import Supervision
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
    private let machines: [TargetID: TargetStateMachine]
    private let deadlines: DeadlineQueue<C>
    private let clock: C
    private let farewell: Farewell<C>

    /// - Parameters:
    ///   - watchers: one for each kind that is watched.
    ///   - farewell: is told when the end begins.
    ///   - tell: takes what the server is to hear.
    ///   - capacity: how many starts may run at once.
    package init(
        _ assignments: [Assignment], watchers: [WatcherKind: any Watcher & TargetController],
        store: any TargetRecordStore, desk: CommandDesk, farewell: Farewell<C>, clock: C, bootID: String,
        capacity: Int, seed: UInt64, logger: Logger,
        tell: @escaping @Sendable (TargetReport, TargetID, BootInstant) async -> Void
    ) async {
        // The gate and the timer call shells that are made after them.
        let inboxes = NIOLockedValueBox<[TargetID: AsyncStream<TargetStateMachine.Event>.Continuation]>([:])
        let send: @Sendable (TargetID, TargetStateMachine.Event) -> Void = { target, event in
            _ = inboxes.withLockedValue { $0[target] }?.yield(event)
        }
        deadlines = DeadlineQueue(clock: clock) { send($0, .deadlineReached) }
        let surroundings = TargetShell<C>.Surroundings(
            store: store, tell: tell, resolve: { await desk.resolve($0, $1) },
            gate: StartGate(capacity: capacity) { send($0, .startPermitted) }, deadlines: deadlines, clock: clock,
            logger: logger)
        var shells: [TargetID: TargetShell<C>] = [:]
        var machines: [TargetID: TargetStateMachine] = [:]
        var begun: Set<CommandKey> = []
        for (index, assignment) in assignments.enumerated() {
            let id = assignment.target.id
            guard let watcher = watchers[id.kind] else { continue }
            let record = await store.record(of: id)
            if let key = record?.command { begun.insert(key) }
            machines[id] = TargetStateMachine(
                target: assignment.target, settings: assignment.settings, record: record, bootID: bootID,
                seed: seed &+ UInt64(index))
            shells[id] = TargetShell(target: assignment.target, watcher: watcher, surroundings: surroundings)
        }
        await desk.closeUnbegun(except: begun)
        self.shells = shells
        self.machines = machines
        self.clock = clock
        self.farewell = farewell
        inboxes.withLockedValue { $0 = shells.mapValues(\.inbox.continuation) }
    }

    /// Gives a command to its target; it is carried out when nothing else is in hand.
    package func submit(_ ticket: CommandTicket, to target: TargetID) {
        shells[target]?.submit(.commanded(ticket))
    }

    package func run() async throws {
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.deadlines.run() }
                group.addTask { await self.runShells() }
                group.addTask {
                    try? await gracefulShutdown()
                    try? await self.clock.sleep(
                        until: self.clock.now.advanced(by: Self.shutdownPatience), tolerance: nil)
                }
                // The shells end by themselves when nothing is in hand; the patience may end first.
                await group.next()
                group.cancelAll()
            }
        } onGracefulShutdown: {
            self.farewell.begin()
            for shell in self.shells.values { shell.submit(.runnerStopping) }
        }
    }

    private func runShells() async {
        await withDiscardingTaskGroup { group in
            for (id, shell) in shells {
                guard let machine = machines[id] else { continue }
                group.addTask { await shell.run(machine) }
            }
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

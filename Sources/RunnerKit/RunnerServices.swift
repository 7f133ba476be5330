package import Logging
package import ServerLink
package import ServiceLifecycle
package import Supervision
import SystemSupport
import WatcherAPI
package import WireProtocol

/// The parts of a runner that decide, write down and tell, put together; what surrounds them may be a host or a simulated one.
package struct RunnerServices<C: Clock>: Sendable where C.Instant == BootInstant {
    package struct Configuration: Sendable {
        package var assignments: [Supervisor<C>.Assignment]
        package var endpoint: String
        package var interval: Duration
        package var runner: RunnerInfo
        package var bootID: String
        /// How many starts may run at once.
        package var capacity: Int
        /// The journal is a copy of another machine's.
        package var isCopy: Bool

        package init(
            assignments: [Supervisor<C>.Assignment], endpoint: String, interval: Duration, runner: RunnerInfo,
            bootID: String, capacity: Int, isCopy: Bool = false
        ) {
            self.assignments = assignments
            self.endpoint = endpoint
            self.interval = interval
            self.runner = runner
            self.bootID = bootID
            self.capacity = capacity
            self.isCopy = isCopy
        }
    }

    /// To be shut down from the last to the first: nothing new comes in, what is in hand ends, all is told, goodbye.
    package let all: [any Service]
    /// For operators of this host.
    package let operatorDesk: OperatorDesk<C>
    private let orders: OrderBook
    private let journal: Journal<C>
    private let supervisor: Supervisor<C>
    private let desk: CommandDesk
    private let heartbeats: HeartbeatService<C>
    private let board: StatusBoard
    private let ready: WakeSignal
    private let pulses: [Pulse]
    private let clock: C

    /// Reads the journal and puts the parts together.
    ///
    /// - Parameters:
    ///   - storage: where the journal's bytes are, and `executor` what may wait for them.
    ///   - watchers: one for each kind that is watched.
    ///   - civilTime: what people and the wire see; no decision depends on it.
    ///   - caughtUp: called when the server has heard all that had to wait, if it was much.
    ///   - seed: draws a number for each part that needs chance.
    package init(
        _ configuration: Configuration, storage: any JournalStorage, executor: any SerialExecutor,
        transport: any ServerTransport, watchers: WatcherSet, clock: C,
        civilTime: @escaping @Sendable () -> WireTime, logger: Logger,
        caughtUp: @escaping @Sendable () -> Void = {}, seed: () -> UInt64
    ) async {
        let farewell = Farewell(clock: clock)
        let journal = Journal(
            storage, runnerID: configuration.runner.id, bootID: configuration.bootID, executor: executor, clock: clock,
            civilTime: civilTime, logger: logger)
        let remembered = await journal.open(isCopy: configuration.isCopy)
        let targets = configuration.assignments.map(\.target)
        let heartbeats = HeartbeatService(
            configuration: .init(
                targets: targets, interval: configuration.interval, runner: configuration.runner,
                seq: remembered.seq, outbox: remembered.outbox),
            transport: transport, farewell: farewell, clock: clock, civilTime: civilTime, logger: logger, seed: seed(),
            caughtUp: caughtUp
        ) { journal.write([.delivered(seqs: $0)]) }
        let resultSignal = WakeSignal()
        let desk = CommandDesk(
            ledger: remembered.ledger, journal: journal,
            intake: CommandIntake(endpoint: configuration.endpoint, targets: Set(targets.map(\.id))),
            resultSignal: resultSignal, logger: logger)
        let board = StatusBoard(targets, at: clock.now)
        let orders = OrderBook(first: civilTime().millisecondsSince1970)
        await journal.start { news in
            for item in news {
                switch item {
                case .change(let change):
                    board.note(change)
                    await heartbeats.tell(change)
                case .report(let report, let target):
                    board.note(report, of: target, at: clock.now)
                    await heartbeats.tell(report, of: target)
                case .resolved(let key, let result):
                    board.note(result)
                    orders.settled(key, result)
                    await desk.settled(key, result)
                }
            }
        }
        let results = ResultService(
            transport: transport, desk: desk, signal: resultSignal, farewell: farewell, clock: clock, logger: logger,
            seed: seed())
        let supervisor = await Supervisor(
            configuration.assignments, watchers: watchers, journal: journal, records: remembered.records, desk: desk,
            farewell: farewell, clock: clock, bootID: configuration.bootID, capacity: configuration.capacity,
            seed: seed(), logger: logger)
        let commands = CommandService(
            transport: transport, desk: desk, clock: clock, logger: logger, seed: seed()
        ) { supervisor.send(.commanded($1), to: $0) }
        all = [heartbeats, results, supervisor, commands]
        operatorDesk = OperatorDesk(
            .init(runner: configuration.runner, endpoint: configuration.endpoint), board: board, orders: orders,
            supervisor: supervisor, heartbeats: heartbeats, clock: clock, civilTime: civilTime)
        self.orders = orders
        self.journal = journal
        self.supervisor = supervisor
        self.desk = desk
        self.heartbeats = heartbeats
        self.board = board
        self.clock = clock
        ready = heartbeats.ready
        pulses = [heartbeats.pulse, commands.pulse]
    }

    /// Takes what the targets are from now on: those that go are let go of when nothing is in hand for them, and told as
    /// not watched any more; those that stay keep what is known of them. One call at a time.
    package func apply(_ assignments: [Supervisor<C>.Assignment], interval: Duration) async {
        let targets = assignments.map(\.target)
        let ids = Set(targets.map(\.id))
        let former = Set(board.entries.map(\.target.id))
        await desk.retarget(ids.intersection(former))
        await supervisor.withdraw(except: assignments)
        // That they went is news of theirs, and goes out first.
        await journal.commit()
        board.retarget(targets, at: clock.now)
        await heartbeats.retarget(targets, interval: interval)
        await supervisor.admit(assignments)
        await desk.retarget(ids)
    }

    /// Returns when every target was looked at and the server has taken a heartbeat, or with the time.
    package func waitUntilReady(atMost patience: Duration) async {
        await ready.wait(until: clock.now.advanced(by: patience), clock: clock)
    }

    /// Returns when the disk and the targets have had a turn.
    ///
    /// - Returns: a part that has not come round when it said it would; nil for none.
    package func hangingPart() async -> String? {
        await journal.commit()
        await supervisor.tick()
        let now = clock.now
        return pulses.first { $0.isMissed(at: now) }?.name
    }

    /// Returns when all that the parts wanted to write is on the disk. To be called after they have ended.
    package func finish() async {
        await journal.commit()
        orders.close()
    }
}

import InMemoryLogging
import Logging
import NIOConcurrencyHelpers
import RunnerKit
import ServerLink
import ServiceLifecycleTestKit
import Supervision
import SystemSupport
import TestSupport
import WatcherAPI
import WireProtocol

/// A supervisor with a scripted watcher, a clock that stands still, and a desk and a disk in memory.
struct SupervisorBench: Sendable {
    let clock = TestClock()
    let log = InMemoryLogHandler()
    let watcher: ScriptedWatcher
    let disk = MemoryStorage()
    let desk: CommandDesk
    let resultSignal = WakeSignal()
    let farewell: Farewell<TestClock>
    private let supervisor: Supervisor<TestClock>
    private static let executor = QueueExecutor()
    private let reports = AsyncStream.makeStream(of: TargetReport.self)
    private let journaled = NIOLockedValueBox<[StateChange]>([])

    init(
        _ targets: [TargetID], ledger: CommandLedger = CommandLedger(), records: [TargetID: TargetRecord] = [:],
        capacity: Int = 4, grace: Duration = .zero, logTail: Int = 0
    ) async {
        let logger = Logger(label: "test") { [log] _ in log }
        watcher = ScriptedWatcher(targets)
        farewell = Farewell(clock: clock)
        let journal = Journal(
            disk, runnerID: "r", bootID: "b", executor: Self.executor, clock: clock,
            civilTime: { WireTime(millisecondsSince1970: 1_795_000_000_000) }, logger: logger)
        let remembered = await journal.open()
        let desk = CommandDesk(
            ledger: ledger, journal: journal, intake: CommandIntake(endpoint: "e", targets: Set(targets)),
            resultSignal: resultSignal, logger: logger)
        self.desk = desk
        await journal.start { [reports, journaled] news in
            for item in news {
                switch item {
                case .change(let change):
                    journaled.withLockedValue { $0.append(change) }
                    reports.continuation.yield(change.report)
                case .report(let report, _): reports.continuation.yield(report)
                case .resolved(let key, let result): await desk.settled(key, result)
                }
            }
        }
        supervisor = await Supervisor(
            targets.map { target in
                let name = target.name.dropFirst("/run/".count).dropLast(".pid".count)
                return .init(
                    target: WatchedTarget(id: target, agent: String(name)),
                    settings: TargetSettings(grace: grace, logTail: logTail))
            }, watchers: WatcherSet([.process: watcher]), journal: journal,
            records: remembered.records.merging(records) { $1 },
            desk: desk, farewell: farewell, clock: clock, bootID: "b", capacity: capacity, seed: 1, logger: logger)
        // What it had to say of an earlier runner's commands.
        await journal.commit()
    }

    /// Runs `body` beside the supervisor, then asks it to end, does what is to be done meanwhile, and returns when it has
    /// ended.
    func run(
        ending: (SupervisorBench) async throws -> Void = { _ in }, _ body: (SupervisorBench) async throws -> Void
    ) async throws {
        let (triggers, continuation) = AsyncStream.makeStream(of: GracefulShutdownTestTrigger.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await testGracefulShutdown { trigger in
                    continuation.yield(trigger)
                    try await supervisor.run()
                }
            }
            try await body(self)
            await triggers.first { _ in true }?.triggerGracefulShutdown()
            try await ending(self)
            try await group.waitForAll()
        }
    }

    /// Gives a command as the poll does.
    func command(_ id: Int64, _ action: CommandAction, to target: TargetID? = nil) async {
        let name = target?.name ?? "/run/bot.pid"
        let offer = CommandOffer(
            commands: [Command(id: id, action: action.rawValue, type: "process", target: name)])
        for (target, ticket) in await desk.receive(offer, at: clock.now).tickets {
            supervisor.send(.commanded(ticket), to: target)
        }
    }

    // MARK: - What was told

    func report() async -> TargetReport? {
        await reports.stream.first { _ in true }
    }

    func reportWithEvent() async -> TargetReport? {
        await reports.stream.first { $0.event != nil }
    }

    /// The changes so far, with their times.
    var changes: [StateChange] { journaled.withLockedValue { $0 } }

    func event() async -> HeartbeatEvent.Kind? {
        await reportWithEvent()?.event?.kind
    }
}

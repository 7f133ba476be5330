import Logging
import RunnerKit
import ServerLink
import ServiceLifecycle
import Supervision
import SystemSupport
import WireProtocol

/// One life of a runner: the real parts, put together as `Runner` does, on a simulated host. After a `kill -9` its tasks
/// still run to their ends, and nothing that they do has any effect.
final class RunnerLife: CustomStringConvertible, @unchecked Sendable {
    let host: SimulatedHost
    private let number: Int
    private(set) var isAlive = true
    private(set) lazy var watcher = SimulatedWatcher(self)
    private var task: Task<Void, Never>?
    private var group: ServiceGroup?
    /// How many actions are in hand.
    var acting: [TargetID: Int] = [:]
    /// After so many more steps it is killed.
    private var dies: Int?
    /// Whether it may be killed wherever something interesting happens.
    let isMortal: Bool
    private(set) var isStopping = false
    /// When the server asked it to come again, by what was asked.
    var notBefore: [String: Moment] = [:]

    init(_ host: SimulatedHost, number: Int) {
        self.host = host
        self.number = number
        isMortal = host.checks.killsAnywhere
    }

    var description: String { "runner \(host.number).\(number)" }
    var isBusy: Bool { acting.values.contains { $0 > 0 } }

    func start() {
        // Awaited by nobody: its end tells the host.
        task = Task {
            await run()
            if isAlive { host.runnerEnded(self) }
            isAlive = false
        }
    }

    func kill() {
        isAlive = false
        task?.cancel()
    }

    /// SIGTERM.
    func stop() {
        host.world.trace.note("\(self) is told to stop")
        host.world.trace.count("runner: told to stop")
        isStopping = true
        // Awaited by nobody: it only raises a flag.
        if let group { Task { await group.triggerGracefulShutdown() } } else { host.killRunner() }
    }

    // MARK: - Death at any await

    /// Something happens at which a death would be interesting: perhaps it comes a few jobs later.
    func mayDieSoon(_ probability: Double) {
        guard isMortal, isAlive, dies == nil, host.world.chance(probability) else { return }
        dies = Int(host.world.between(0, 25))
        host.world.trace.count("runner: killed among jobs")
    }

    func step() {
        guard let left = dies else { return }
        dies = left - 1
        guard left <= 0 else { return }
        dies = nil
        host.killRunner()
        host.restartRunnerSoon()
    }

    // MARK: - Its parts

    private func run() async {
        let world = host.world
        let clock = SimulatedClock(life: self)
        let machine = host.machine
        let civilTime: @Sendable () -> WireTime = { machine.wall }
        var logger = Logger(label: "runner") { _ in TraceLog(world, "\(self)") }
        logger.logLevel = .warning
        let transport = SimulatedTransport(self)
        let farewell = Farewell(clock: clock)
        let journal = Journal(
            SimulatedStorage(self), runnerID: host.runnerID, bootID: host.bootID, executor: SimulatedExecutor(),
            clock: clock, civilTime: civilTime, logger: logger)
        let remembered = await journal.open()
        let targets = host.targets.map(\.watched)
        let heartbeats = HeartbeatService(
            configuration: .init(
                targets: targets, interval: host.interval,
                runner: RunnerInfo(
                    id: host.runnerID, hostname: "host-\(host.number)", version: "1", bootID: host.bootID),
                seq: remembered.seq, outbox: remembered.outbox),
            transport: transport, farewell: farewell, clock: clock, civilTime: civilTime, logger: logger,
            seed: world.draw()
        ) { journal.write([.delivered(seqs: $0)]) }
        let resultSignal = WakeSignal()
        let desk = CommandDesk(
            ledger: remembered.ledger, journal: journal,
            intake: CommandIntake(endpoint: Self.endpoint, targets: Set(targets.map(\.id))),
            resultSignal: resultSignal, logger: logger)
        await journal.start { news in
            for item in news {
                switch item {
                case .change(let change): await heartbeats.tell(change)
                case .report(let report, let target): await heartbeats.tell(report, of: target)
                case .resolved(let key, let result): await desk.settled(key, result)
                }
            }
        }
        let results = ResultService(
            transport: transport, desk: desk, signal: resultSignal, farewell: farewell, clock: clock, logger: logger,
            seed: world.draw())
        var watchers: [WatcherKind: SimulatedWatcher] = [:]
        for kind in WatcherKind.allCases { watchers[kind] = watcher }
        let supervisor = await Supervisor(
            host.targets.map { .init(target: $0.watched, settings: $0.settings) }, watchers: watchers,
            journal: journal, records: remembered.records, desk: desk, farewell: farewell, clock: clock,
            bootID: host.bootID, capacity: 2 * host.cores, seed: world.draw(), logger: logger)
        let commands = CommandService(
            transport: transport, desk: desk, clock: clock, logger: logger, seed: world.draw()
        ) { supervisor.submit($1, to: $0) }
        let services: [any Service] = [heartbeats, results, supervisor, commands]
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: services.map { .init(service: $0) }, logger: logger))
        self.group = group
        try? await group.run()
        await journal.commit()
    }

    static let endpoint = "https://server.test"
}

/// What the runner or the server says to people, as lines of the trace.
struct TraceLog: LogHandler {
    private let world: World
    private let who: String
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.warning

    init(_ world: World, _ who: String) {
        self.world = world
        self.who = who
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let details = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        world.trace.note("\(who) says: \(event.message) \(details.joined(separator: " "))")
    }
}

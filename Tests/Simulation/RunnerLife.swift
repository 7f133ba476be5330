import Logging
import RunnerKit
import ServerLink
import ServiceLifecycle
import Supervision
import SystemSupport
import WatcherAPI
import WireProtocol

/// One life of a runner: the real parts on a simulated host. After a `kill -9` its tasks
/// still run to their ends, and nothing that they do has any effect.
final class RunnerLife: CustomStringConvertible, @unchecked Sendable {
    let host: SimulatedHost
    let number: Int
    private(set) var isAlive = true
    private(set) lazy var watcher = SimulatedWatcher(self)
    private var task: Task<Void, Never>?
    private var group: ServiceGroup?
    private var desk: OperatorDesk<SimulatedClock>?
    /// How many actions are in hand.
    var acting: [TargetID: Int] = [:]
    /// After so many more steps it is killed.
    private var dies: Int?
    /// Whether it may be killed wherever something interesting happens.
    private var isMortal: Bool { host.checks.killsAnywhere }
    private(set) var isStopping = false
    /// When the server asked it to come again, by what was asked.
    var notBefore: [String: Moment] = [:]

    init(_ host: SimulatedHost, number: Int) {
        self.host = host
        self.number = number
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

    /// A person on the host asks for something.
    ///
    /// - Parameters:
    ///   - onlyIfPaused: a resume is not to end anything else.
    ///   - answered: is told whether it was done, unless the runner dies meanwhile.
    func order(
        _ order: OperatorDesk<SimulatedClock>.Order, on target: SimulatedTarget, onlyIfPaused: Bool = false,
        _ answered: @escaping @Sendable (Bool) -> Void
    ) {
        guard isAlive, !isStopping, let desk else { return }
        // Awaited by nobody, as a person who waits for the answer.
        Task {
            if onlyIfPaused, await !desk.isPaused(target.id) { return answered(isAlive) }
            let result = await desk.carryOut(order, on: target.id)
            if isAlive { answered(result.status == .completed) }
        }
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
        var logger = Logger(label: "runner") { _ in TraceLog(world, "\(self)") }
        logger.logLevel = .warning
        let transport = SimulatedTransport(self)
        var watchers: [WatcherKind: any Watcher & TargetController] = [:]
        for kind in WatcherKind.allCases { watchers[kind] = watcher }
        let parts = await RunnerServices(
            .init(
                assignments: host.targets.map { .init(target: $0.watched, settings: $0.settings) },
                endpoint: Self.endpoint, interval: host.interval,
                runner: RunnerInfo(
                    id: host.runnerID, hostname: "host-\(host.number)", version: "1", bootID: host.bootID),
                bootID: host.bootID, capacity: 2 * host.cores),
            storage: SimulatedStorage(self), executor: SimulatedExecutor(), transport: transport,
            watchers: WatcherSet(watchers),
            clock: clock, civilTime: { machine.wall }, logger: logger
        ) { world.draw() }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: parts.all.map { .init(service: $0) }, logger: logger))
        self.group = group
        desk = parts.operatorDesk
        try? await group.run()
        await parts.finish()
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

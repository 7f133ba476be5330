import Logging
package import Supervision
package import SystemSupport
package import WatcherAPI

/// Watches containers through the engine's command-line client: its stream of events, and `inspect` for what is true.
///
/// All of its work is done on the event loop's thread, where it may block for the moment that a fork or a file of a cgroup
/// takes.
package actor DockerWatcher: Watcher, TargetController {
    let loop: EventLoop
    let cli: DockerCLI
    let runner: any CommandRunner
    let logger: Logger
    let clock: BootClock
    private var names: [TargetID]
    var judges: [TargetID: ContainerJudge]

    /// Whom to tell what, while somebody observes.
    var observers: [TargetID: @Sendable (TargetID, Observation) -> Void] = [:]
    private var report: (@Sendable (TargetID, Observation) -> Void)?
    private var told: [TargetID: Observation] = [:]
    /// When a target is to be read again.
    var appointments: [TargetID: BootInstant] = [:]
    var memories: [TargetID: String] = [:]

    /// Targets that are to be read, and who waits for the reading that comes.
    private var wanted: Set<TargetID> = []
    /// Those that are being read.
    private var asked: Set<TargetID> = []
    private var isReading: Bool { !asked.isEmpty }
    /// Those of them whose death was told meanwhile: what comes is from before it.
    private var overtaken: Set<TargetID> = []
    private var waiters: [CheckedContinuation<Void, Never>] = []
    /// Rung when something was added to `wanted`.
    let readingSignal = WakeSignal()
    /// Rung when the engine can't be asked any more, while it is connected.
    let failureSignal = WakeSignal()
    var isConnected = false
    /// Why it can't; nil as long as it can.
    var failure: String?
    /// The time of the newest event, on the engine's clock.
    var newestEvent: EngineTime?
    var hasBeenConnected = false
    var ping: EnginePing

    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// - Parameters:
    ///   - program: the client, by name or absolute path: `docker`, `podman`.
    ///   - environment: the runner's own.
    ///   - runner: runs the client; nil for processes of this host.
    ///   - round: how often memory is measured, and a silent engine asked whether it is there.
    package init(
        _ context: WatcherContext, program: String, environment: [String: String], loop: EventLoop,
        runner: (any CommandRunner)? = nil, round: Duration = .seconds(30)
    ) {
        self.loop = loop
        clock = BootClock(sleepingOn: loop)
        self.runner = runner ?? ProcessCommandRunner(on: loop)
        cli = DockerCLI(program: program, environment: environment)
        ping = EnginePing(program: program, environment: cli.environment)
        self.round = round
        logger = context.logger
        names = context.targets.keys.sorted { $0.name < $1.name }
        judges = Dictionary(
            uniqueKeysWithValues: context.targets.keys.map { ($0, ContainerJudge(name: $0.name)) })
    }

    package func observe(
        _ targets: [TargetID], _ report: @escaping @Sendable (TargetID, Observation) -> Void
    ) async {
        self.report = report
        for target in targets {
            told[target] = nil
            guard judges[target] != nil else {
                report(target, Observation(.undetermined("is not watched here")))
                continue
            }
            observers[target] = report
        }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.stayConnected() }
            group.addTask { await self.readWhenAsked() }
            await self.keepAppointments()
        }
        self.report = nil
        observers = [:]
    }

    package func adopt(_ targets: [TargetID: TargetSettings]) async {
        for target in names where targets[target] == nil {
            (judges[target], observers[target], told[target], memories[target]) = (nil, nil, nil, nil)
            appointments[target] = nil
            wanted.remove(target)
        }
        for target in targets.keys where judges[target] == nil {
            judges[target] = ContainerJudge(name: target.name)
            guard let report else { continue }
            observers[target] = report
            if let failure {
                tell(target, Observation(.undetermined("can't be judged: \(failure)")))
            } else {
                want(target)
            }
        }
        names = targets.keys.sorted { $0.name < $1.name }
    }

    // MARK: - Reading

    /// Reads what is wanted each time that something is, until cancelled.
    private func readWhenAsked() async {
        while !Task.isCancelled {
            await readingSignal.wait()
            guard !wanted.isEmpty, !Task.isCancelled else { continue }
            await read([])
        }
    }

    /// Tells a death that an event told, and has it read.
    func tellDeath(_ target: TargetID, _ observation: Observation) {
        appointments[target] = nil
        if asked.contains(target) { overtaken.insert(target) }
        tell(target, observation)
        want(target)
    }

    /// Has a target read soon.
    func want(_ target: TargetID) {
        wanted.insert(target)
        readingSignal.raise()
    }

    /// Returns after a reading of these targets that began after this call. Readings never overtake each other.
    func read(_ targets: some Sequence<TargetID>) async {
        wanted.formUnion(targets)
        while isReading { await withCheckedContinuation { waiters.append($0) } }
        // Whoever came first has read for all who waited.
        guard !wanted.isEmpty else { return }
        asked = wanted
        wanted = []
        let targets = asked.sorted { $0.name < $1.name }
        let answer = await ask(targets)
        apply(answer, to: targets)
        (asked, overtaken) = ([], [])
        for waiter in waiters { waiter.resume() }
        waiters = []
    }

    /// Reads it until what was read is not from before something that an event told meanwhile.
    func readAfterAction(_ target: TargetID) async {
        repeat { await read([target]) } while wanted.contains(target) && failure == nil
    }

    private func ask(_ targets: [TargetID]) async -> InspectAnswer {
        guard let command = cli.inspect(targets.map(\.name)) else { return .unavailable(cli.problem ?? "") }
        expectAnswer()
        defer { answerDue = nil }
        let result = await runner.run(command)
        return InspectAnswer(result, program: cli.program)
    }

    private func apply(_ answer: InspectAnswer, to targets: [TargetID]) {
        switch answer {
        case .containers(let containers):
            let now = clock.now
            for target in targets where !overtaken.contains(target) {
                let reading = containers.first { $0.isMeant(by: target.name) }
                guard let judgement = judges[target]?.read(reading, at: now) else { continue }
                appointments[target] = judgement.again
                tell(target, judgement.observation)
                if case .alive = judgement.observation.liveness { measure(target) }
            }
            setAlarm()
        case .unavailable(let reason):
            guard !Task.isCancelled else {
                wanted.formUnion(targets)
                return
            }
            engineFailed(reason)
        }
    }

    // MARK: - Telling

    func tell(_ target: TargetID, _ observation: Observation) {
        guard let report = observers[target], told[target] != observation else { return }
        told[target] = observation
        report(target, observation)
    }

    /// Nothing is known any more: all who observe hear why.
    func engineFailed(_ reason: String) {
        if failure != reason { logger.info("Docker can't be asked", metadata: ["reason": "\(reason)"]) }
        failure = reason
        answerDue = nil
        appointments = [:]
        for target in names {
            judges[target]?.engineWasLost()
            tell(target, Observation(.undetermined("can't be judged: \(reason)")))
        }
        if isConnected { failureSignal.raise() }
    }

    var targets: [TargetID] { names }

    // MARK: - Alarms

    private static let rereadInterval = Duration.seconds(600)
    private static let rereadAfterPause = Duration.seconds(2)
    /// How long the client may be silent before that is told: some while before it is given up.
    private static let answerPatience = Duration.seconds(5)

    private var alarm: EventLoop.Alarm?
    private let round: Duration
    private var nextRound: BootInstant?
    private var nextReread: BootInstant?
    /// When an answer is missed; nil while none is waited for.
    private var answerDue: BootInstant?

    /// Keeps the times until cancelled: they are alarms of the loop, and cost no task.
    private func keepAppointments() async {
        nextRound = clock.now.advanced(by: round)
        nextReread = clock.now.advanced(by: Self.rereadInterval)
        setAlarm()
        let end = WakeSignal()
        await end.wait()
        alarm?.cancel()
        (alarm, nextRound, nextReread, answerDue) = (nil, nil, nil, nil)
        ping.forget()
    }

    /// Has all targets read again in a moment.
    func rereadSoon() {
        nextReread = nextReread.map { min($0, clock.now.advanced(by: Self.rereadAfterPause)) }
        setAlarm()
    }

    /// Begins to wait for an answer, unless one is waited for.
    func expectAnswer() {
        guard answerDue == nil else { return }
        answerDue = clock.now.advanced(by: Self.answerPatience)
        setAlarm()
    }

    private func setAlarm() {
        alarm?.cancel()
        guard let nextRound, let nextReread else { return }
        let next = ([nextRound, nextReread, answerDue ?? nextRound] + appointments.values).min() ?? nextRound
        alarm = loop.schedule(at: next) { [weak self] in self?.assumeIsolated { $0.ring() } }
    }

    private func ring() {
        let now = clock.now
        for (target, time) in appointments where time <= now {
            appointments[target] = nil
            want(target)
        }
        if let time = answerDue, time <= now {
            answerDue = nil
            let reason = EngineFailure.words(for: ProgramResult(.timedOut), program: cli.program)
            for target in names { tell(target, Observation(.undetermined("can't be judged: \(reason)"))) }
        }
        if let time = nextRound, time <= now {
            nextRound = now.advanced(by: round)
            measureAll()
            if failure != nil { ping.forget() } else if !ping.round() { names.forEach(want) }
        }
        if let time = nextReread, time <= now {
            nextReread = now.advanced(by: Self.rereadInterval)
            if failure == nil { names.forEach(want) }
        }
        setAlarm()
    }
}

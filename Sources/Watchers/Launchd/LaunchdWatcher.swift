import Logging
package import Supervision
package import SystemSupport
package import WatcherAPI

/// Watches services of launchd: the kernel tells when their processes end, `launchctl print` what is true.
///
/// launchd tells nobody what it does. A PID is read first and waited for then, so it is read once more: what had the PID
/// by then was perhaps another.
package actor LaunchdWatcher: Watcher, TargetController {
    private struct Service {
        var name: LaunchdService
        var judge = LaunchdJudge()
        var isRemembered = false
        /// The process whose end is waited for.
        var process: (pid: Int32, watch: any AnyObject & Sendable)?
        var observer: Observer?
    }

    private struct Observer {
        var report: @Sendable (TargetID, Observation) -> Void
        var look: @Sendable () -> Void
        var isLookWanted = false
        var told: Observation?
        var alarm: EventLoop.Alarm?
    }

    private enum Turn { case look }

    private let loop: EventLoop
    private let clock: BootClock
    private let launchctl: Launchctl
    private let ends: any ProcessEnds
    private let interval: Duration
    private let memory: any WatcherMemory
    private let logger: Logger
    private let user: UInt32
    private var services: [TargetID: Service]
    /// Has a target observed by the observation under way.
    private var begin: ((TargetID) -> Void)?

    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// - Parameters:
    ///   - user: who the runner is; a bare label means this user's session, for root the system.
    ///   - interval: how often all is read again, since what launchd starts by itself is told nowhere.
    package init(
        _ context: WatcherContext, launchctl: Launchctl, ends: any ProcessEnds, user: UInt32,
        every interval: Duration = .seconds(30), loop: EventLoop
    ) {
        self.loop = loop
        self.launchctl = launchctl
        self.ends = ends
        self.interval = interval
        clock = BootClock(sleepingOn: loop)
        memory = context.memory
        logger = context.logger
        self.user = user
        services = [:]
        for target in context.targets.keys {
            services[target] = LaunchdService(target.name, user: user).map { Service(name: $0) }
        }
    }

    // MARK: - Observing

    package func observe(
        _ targets: [TargetID], _ report: @escaping @Sendable (TargetID, Observation) -> Void
    ) async {
        let mailboxes = Mailboxes<TargetID, Turn>()
        let begin = { [self] (target: TargetID) in
            guard services[target] != nil else {
                report(target, Observation(.undetermined(Self.noService)))
                return
            }
            services[target]?.observer = Observer(report: report) { mailboxes.send(.look, to: target) }
            want(target)
        }
        self.begin = begin
        for target in targets { begin(target) }
        await mailboxes.run { target, _ in await self.look(at: target) }
        self.begin = nil
        for target in services.keys { letGo(of: target) }
    }

    package func adopt(_ targets: [TargetID: TargetSettings]) async {
        for target in services.keys where targets[target] == nil {
            letGo(of: target)
            services[target] = nil
        }
        for target in targets.keys where services[target] == nil {
            services[target] = LaunchdService(target.name, user: user).map { Service(name: $0) }
            begin?(target)
        }
    }

    private func letGo(of target: TargetID) {
        services[target]?.observer?.alarm?.cancel()
        services[target]?.observer = nil
        services[target]?.process = nil
    }

    private static let noService =
        "is no service of launchd: write LABEL, system/LABEL, gui/UID/LABEL or user/UID/LABEL"

    /// Has a service looked at soon. Any number of reasons is one look.
    private func want(_ target: TargetID) {
        guard let observer = services[target]?.observer, !observer.isLookWanted else { return }
        services[target]?.observer?.isLookWanted = true
        observer.look()
    }

    /// No two looks at one service are under way at once.
    private func look(at target: TargetID) async {
        services[target]?.observer?.isLookWanted = false
        services[target]?.observer?.alarm?.cancel()
        guard let name = services[target]?.name else { return }
        await remember(target)
        let answer = await launchctl.print(name)
        let isDisabled = answer.isRunning ? false : await launchctl.isDisabled(name)
        guard !Task.isCancelled, var service = services[target] else { return }
        let path = service.judge.path
        let now = clock.now
        var observation = service.judge.judge(answer, isDisabled: isDisabled, at: now)
        services[target]?.judge = service.judge
        // After a failure nothing is known, and what was waited for is waited for still.
        if answer.isClear, let problem = follow(target, service.judge.pid) { observation.concern = problem }
        service = services[target] ?? service
        tell(target, observation)
        arrange(target, at: service.judge.reconsider ?? now.advanced(by: interval))
        if let new = service.judge.path, new != path { try? await memory.save(Array(new.utf8), for: target) }
    }

    private func tell(_ target: TargetID, _ observation: Observation) {
        guard let observer = services[target]?.observer, observer.told != observation else { return }
        services[target]?.observer?.told = observation
        observer.report(target, observation)
    }

    private func arrange(_ target: TargetID, at time: BootInstant) {
        guard services[target]?.observer != nil else { return }
        services[target]?.observer?.alarm = loop.schedule(at: min(time, clock.now.advanced(by: interval))) {
            [weak self] in self?.assumeIsolated { $0.want(target) }
        }
    }

    /// Waits for the end of the process that a service has now.
    ///
    /// - Returns: why that is not possible.
    private func follow(_ target: TargetID, _ pid: Int32?) -> String? {
        guard let pid else {
            services[target]?.process = nil
            return nil
        }
        guard services[target]?.process?.pid != pid, services[target]?.judge.hasEnded == false else { return nil }
        do {
            let watch = try ends.watch(pid) { [weak self] in self?.assumeIsolated { $0.ended(target, pid) } }
            services[target]?.process = watch.map { (pid, $0) }
            // There was nobody to wait for: it has ended, or its PID was already read from the past.
            if watch == nil { services[target]?.judge.ended(pid, at: clock.now) }
            want(target)
            return nil
        } catch {
            logger.info("A process can't be waited for", metadata: ["target": "\(target)", "error": "\(error)"])
            return "its end can't be waited for, so it is looked at every \(interval.components.seconds) s: \(error)"
        }
    }

    private func ended(_ target: TargetID, _ pid: Int32) {
        guard services[target]?.process?.pid == pid else { return }
        services[target]?.process = nil
        services[target]?.judge.ended(pid, at: clock.now)
        want(target)
    }

    /// From where it was loaded when an earlier runner saw it.
    private func remember(_ target: TargetID) async {
        guard services[target]?.isRemembered == false else { return }
        services[target]?.isRemembered = true
        let note = await memory.load(target).map { String(decoding: $0, as: UTF8.self) }
        if let note { services[target]?.judge.remember(path: note) }
    }

    // MARK: - Acting

    package func perform(
        _ action: TargetAction, on target: TargetID, startMade: @escaping @Sendable () -> Void
    ) async -> TargetActionOutcome {
        guard let name = services[target]?.name else {
            return .failed("\(target) \(Self.noService)", isPermanent: true)
        }
        await remember(target)
        let path = services[target]?.judge.path
        // Not structured, so that no cancellation leaves it halfway; awaited here.
        let outcome = await Task { [launchctl] in await launchctl.perform(action, on: name, path: path) }.value
        startMade()
        want(target)
        return outcome
    }
}

import Logging
import Supervision
import SystemPackage
import SystemSupport
import SystemdSupport

/// The one owner of the connection to a service manager, and of all that is known of its units.
///
/// It runs on the event loop that drives the connection; a unit at rest costs neither task nor timer.
actor UnitMonitor {
    enum Link {
        /// Nobody needs it.
        case idle
        /// By the route with this number.
        case connecting(Int)
        case up
        /// Until the next try.
        case lost(String)
    }

    let loop: EventLoop
    let routes: [ManagerRoute]
    let rereadInterval: Duration
    let logger: Logger
    private(set) var units: [TargetID: WatchedUnit]

    var link = Link.idle
    var bus: Bus?
    /// The manager's unique name on the bus; nil without a bus, and while it is not known.
    var manager: String?
    private(set) var isOnBus = false
    /// The bus is asked for signals of all units.
    private var hearsAll = false
    private var report: (@Sendable (TargetID, Observation) -> Void)?
    var isHostStopping = false
    var jobs: [String: JobWait] = [:]
    /// To be looked at once all that came in has been taken.
    var hinted: [TargetID: WatchedUnit] = [:]
    private var pace = ReconnectPace()
    private var alarm: EventLoop.Alarm?
    private var rereadAlarm: EventLoop.Alarm?
    /// Observers and actions in hand.
    private var users = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(
        _ targets: [TargetID], routes: [ManagerRoute], rereadInterval: Duration, on loop: EventLoop, logger: Logger
    ) {
        self.loop = loop
        self.routes = routes
        self.rereadInterval = rereadInterval
        self.logger = logger
        units = Dictionary(uniqueKeysWithValues: targets.map { ($0, WatchedUnit($0)) })
    }

    // MARK: Who needs it

    func beginObserving(_ targets: [TargetID], _ report: @escaping @Sendable (TargetID, Observation) -> Void) {
        retain()
        self.report = report
        for id in targets {
            guard let unit = units[id] else {
                report(id, Observation(.undetermined("can't be observed: \(id) is not watched here")))
                continue
            }
            begin(unit, report)
        }
    }

    private func begin(_ unit: WatchedUnit, _ report: @escaping @Sendable (TargetID, Observation) -> Void) {
        unit.report = report
        switch link {
        case .up: read(unit)
        case .lost(let reason): unit.tell(Observation(.undetermined(reason)))
        case .idle, .connecting: break
        }
    }

    func endObserving() {
        report = nil
        for unit in units.values { unit.forgetObserver() }
        release()
    }

    /// Takes what the targets are from now on.
    func adopt(_ targets: some Collection<TargetID>) {
        let wanted = Set(targets)
        for (id, unit) in units where !wanted.contains(id) {
            unit.forgetObserver()
            removeMatches(of: unit)
            hinted[id] = nil
            units[id] = nil
            unit.wakeWaiters()
        }
        let added = wanted.filter { units[$0] == nil }
        for id in added { units[id] = WatchedUnit(id) }
        hearAllIfMany()
        guard let report else { return }
        for id in added { if let unit = units[id] { begin(unit, report) } }
    }

    /// Connects for the first that needs it.
    func retain() {
        users += 1
        if case .idle = link { connect(by: 0) }
    }

    /// Closes after the last.
    func release() {
        users -= 1
        guard users == 0 else { return }
        link = .idle
        alarm?.cancel()
        rereadAlarm?.cancel()
        disconnect("nobody needs it any more")
        pace.reset()
    }

    /// Returns when it is known whether the manager can be reached.
    func settled() async {
        while case .connecting = link { await withCheckedContinuation { waiting.append($0) } }
    }

    /// Waits for the manager, through as many tries to connect as there is time for.
    func isLinked(within patience: Duration) async -> Bool {
        let deadline = BootClock().now.advanced(by: patience)
        let alarm = loop.schedule(at: deadline) { [weak self] in self?.assumeIsolated { $0.wakeWaiting() } }
        defer { alarm.cancel() }
        while BootClock().now < deadline {
            if case .up = link { return true }
            await withCheckedContinuation { waiting.append($0) }
        }
        return false
    }

    // MARK: The connection

    private func connect(by first: Int) {
        link = .connecting(first)
        alarm?.cancel()
        var failure = BusError(call: "systemd", errno: .noSuchFileOrDirectory)
        for (index, route) in routes.enumerated().dropFirst(first) {
            do throws(BusError) {
                let bus = try Bus(route, on: loop, of: self) { [weak self] in
                    self?.assumeIsolated {
                        $0.bus?.process()
                        $0.followHints()
                    }
                }
                bus.onSignal = { [self] signal in took(signal) }
                bus.onLoss = { [self, weak bus] error in
                    // Another one may have taken its place.
                    if self.bus === bus { lose("can't be observed: \(error)") }
                }
                self.bus = bus
                link = .connecting(index)
                alarm = loop.schedule(at: BootClock().now.advanced(by: Bus.patience)) { [weak self] in
                    self?.assumeIsolated { $0.giveUpConnecting("nobody answers") }
                }
                return greet(route)
            } catch {
                failure = error
            }
        }
        lose("can't be observed: \(failure)")
    }

    /// Subscribes before anything is read, so that nothing falls between.
    private func greet(_ route: ManagerRoute) {
        isOnBus = route.isBus
        if isOnBus {
            for rule in MatchRules.common { addMatch(rule) }
            hearsAll = false
            hearAllIfMany()
            bus?.call(.bus("GetNameOwner")) { message throws(BusError) in
                try message.append(SystemdName.service)
            } then: { [self] reply in
                do throws(BusError) {
                    manager = try reply.get().text()
                } catch {
                    giveUpConnecting("\(error)")
                }
            }
        }
        bus?.call(.manager("Subscribe")) { [self] reply in
            switch reply {
            case .success: cameUp()
            case .failure(let error): giveUpConnecting("\(error)")
            }
        }
    }

    private func addMatch(_ rule: String) {
        bus?.call(.bus("AddMatch")) { message throws(BusError) in
            try message.append(rule)
        } then: { [logger] reply in
            guard case .failure(let error) = reply, error.errno != .socketNotConnected else { return }
            logger.info(
                "The bus passes on too little, units are re-read every 30 s only", metadata: ["error": "\(error)"])
        }
    }

    func addMatches(of unit: WatchedUnit, path: String) {
        unit.watchedID = unit.facts.id
        // Without a bus, the manager tells everything.
        guard isOnBus, !hearsAll else { return }
        unit.rules = MatchRules.unit(unit.facts.id, path: path)
        for rule in unit.rules { addMatch(rule) }
    }

    private func removeMatches(of unit: WatchedUnit) {
        guard isOnBus else { return }
        for rule in unit.rules {
            bus?.call(.bus("RemoveMatch")) { message throws(BusError) in
                try message.append(rule)
            } then: { _ in
                // One too many does no harm.
            }
        }
    }

    /// A bus takes so many rules from one connection: of more units, it is asked for everything.
    private func hearAllIfMany() {
        guard isOnBus, !hearsAll, units.count > MatchRules.limit else { return }
        hearsAll = true
        for rule in MatchRules.all { addMatch(rule) }
    }

    private func giveUpConnecting(_ reason: String) {
        guard case .connecting(let index) = link else { return }
        // Who waits for a reply is told by this, and must not begin anything.
        link = .idle
        disconnect(reason)
        if index + 1 < routes.count { return connect(by: index + 1) }
        lose("can't be observed: \(reason)")
    }

    private func cameUp() {
        guard case .connecting = link else { return }
        alarm?.cancel()
        link = .up
        pace.reset()
        wakeWaiting()
        for unit in needed { read(unit) }
        scheduleReread()
    }

    /// The manager is out of reach. What is true then is not known, and is read when it is back.
    func lose(_ reason: String) {
        guard users > 0 else { return }
        if case .lost = link { return }
        link = .lost(reason)
        alarm?.cancel()
        rereadAlarm?.cancel()
        disconnect(reason)
        wakeWaiting()
        for unit in needed { unit.tell(Observation(.undetermined(reason))) }
        if pace.isFresh { logger.info("Lost the service manager", metadata: ["reason": "\(reason)"]) }
        alarm = loop.schedule(at: BootClock().now.advanced(by: pace.next())) { [weak self] in
            self?.assumeIsolated { $0.reconnect() }
        }
    }

    private func reconnect() {
        guard case .lost = link else { return }
        connect(by: 0)
    }

    private func disconnect(_ reason: String) {
        let bus = self.bus
        self.bus = nil
        manager = nil
        hinted = [:]
        bus?.close(BusError(call: "the connection", errno: .socketNotConnected, message: reason))
        for unit in units.values { unit.disconnect() }
        let jobs = self.jobs
        self.jobs = [:]
        for job in jobs.values { job.end(.lost(reason)) }
    }

    private func wakeWaiting() {
        let waiting = self.waiting
        self.waiting = []
        for waiter in waiting { waiter.resume() }
    }

    /// The units that somebody observes.
    var needed: [WatchedUnit] { units.values.filter { $0.report != nil } }

    // MARK: The safety net

    /// One timer for all, should an event ever be missed.
    private func scheduleReread() {
        rereadAlarm?.cancel()
        rereadAlarm = loop.schedule(at: BootClock().now.advanced(by: rereadInterval)) { [weak self] in
            self?.assumeIsolated { $0.reread() }
        }
    }

    private func reread() {
        guard case .up = link else { return }
        scheduleReread()
        rereadAll()
    }
}

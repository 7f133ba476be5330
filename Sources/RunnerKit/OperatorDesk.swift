import NIOConcurrencyHelpers
import ServerLink
package import Supervision
import SystemSupport
package import WireProtocol

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Does what an operator of this host asks for, and says how things stand.
package final class OperatorDesk<C: Clock>: Sendable where C.Instant == BootInstant {
    /// What can be asked for.
    package enum Order: Sendable, Hashable {
        case restart, stop, resume
        /// Nil for until it is resumed.
        case pause(Duration?)
    }

    /// What a runner says of itself.
    struct Facts: Sendable {
        var runner: RunnerInfo
        var endpoint: String
    }

    private let facts: Facts
    private let started: BootInstant
    let board: StatusBoard
    private let supervisor: Supervisor<C>
    let heartbeats: HeartbeatService<C>
    private let clock: C
    private let civilTime: @Sendable () -> WireTime
    private let orders: OrderBook
    /// There once the runner is put together.
    private let reloader = NIOLockedValueBox<Reloader<C>?>(nil)

    init(
        _ facts: Facts, board: StatusBoard, orders: OrderBook, supervisor: Supervisor<C>,
        heartbeats: HeartbeatService<C>, clock: C,
        civilTime: @escaping @Sendable () -> WireTime
    ) {
        self.facts = facts
        self.board = board
        self.orders = orders
        self.supervisor = supervisor
        self.heartbeats = heartbeats
        self.clock = clock
        self.civilTime = civilTime
        started = clock.now
    }

    // MARK: - Orders

    /// The target that an operator means: by `TYPE:NAME`, or by the agent's name.
    ///
    /// - Throws: when there is none.
    package func target(named name: String) throws(NoSuchTargetError) -> TargetID {
        let targets = board.entries.map(\.target)
        let meant = (try? WatchedTarget(parsing: name))?.id
        let found =
            targets.first { "\($0.id)" == name } ?? targets.first { $0.id == meant }
            ?? targets.first { $0.agent == name }
        guard let found else {
            throw NoSuchTargetError(
                name: name, nearest: Spelling.nearest(to: name, in: targets.flatMap { ["\($0.id)", $0.agent] }))
        }
        return found.id
    }

    /// Has an order carried out when nothing else is in hand for its target, and returns its end.
    package func carryOut(_ order: Order, on target: TargetID) async -> CommandResult {
        await orders.result { supervisor.send(order.event($0, at: clock.now), to: target) }
    }

    /// Has the settings read again.
    ///
    /// - Returns: nil when there is nobody to do it.
    package func reload() async -> Reloader<C>.Outcome? { await reloader.withLockedValue { $0 }?.reload() }

    func answer(with reloader: Reloader<C>) {
        self.reloader.withLockedValue { $0 = reloader }
    }

    /// Whether nothing is restarted by policy at present.
    package func isPaused(_ target: TargetID) async -> Bool { await supervisor.snapshot(of: target)?.pause != nil }

    // MARK: - How things stand

    /// The runner and all targets, in the order in which they were given.
    package func status() async -> RunnerStatus {
        let standing = await heartbeats.standing
        let snapshots = await supervisor.snapshots()
        let runner = RunnerStatus.Runner(
            id: facts.runner.id, version: facts.runner.version ?? "", hostname: facts.runner.hostname ?? "",
            pid: getpid(), startedAt: time(of: started), endpoint: facts.endpoint,
            lastHeartbeatAt: standing.lastTaken.map(time), serverTrouble: standing.trouble,
            undelivered: standing.undelivered,
            reload: await reloader.withLockedValue { $0 }?.last.map {
                RunnerStatus.Reload(at: $0.at, ok: $0.ok, problems: $0.problems, pending: $0.pending)
            })
        return RunnerStatus(
            runner: runner,
            targets: board.entries.compactMap { entry in snapshots[entry.target.id].map { target(entry, $0) } })
    }

    /// What happened lately, the oldest first; at most some hundreds.
    package var events: [RunnerStatus.Event] { board.happenings.map(event) }

    /// What happens from now on.
    package func followEvents() -> Following<some AsyncSequence<RunnerStatus.Event, Never> & Sendable> {
        let (news, end) = board.follow()
        return Following(
            values: news.compactMap { [self] news in
                if case .happened(let happening) = news { event(happening) } else { nil }
            }, end: end)
    }

    /// Each target that changes from now on, as it is then.
    package func followTargets() -> Following<some AsyncSequence<RunnerStatus.Target, Never> & Sendable> {
        let (news, end) = board.follow()
        return Following(
            values: news.compactMap { [self] news in
                guard case .changed(let id) = news, let entry = board.entry(of: id),
                    let snapshot = await supervisor.snapshot(of: id)
                else { return nil }
                return target(entry, snapshot)
            }, end: end)
    }

    private func target(_ entry: StatusBoard.Entry, _ snapshot: TargetSnapshot) -> RunnerStatus.Target {
        RunnerStatus.Target(
            target: "\(entry.target.id)", agent: entry.target.agent, status: entry.report.status.rawValue,
            state: snapshot.state, message: entry.report.message, since: time(of: snapshot.began ?? entry.since),
            pid: snapshot.pid, restarts: entry.restarts, memoryMB: entry.report.memoryMB,
            policy: snapshot.policy.rawValue,
            pause: snapshot.pause.map { RunnerStatus.Pause(until: $0.until.map(time)) },
            nextAttemptAt: snapshot.due.map(time), lastEvent: entry.last.map(event))
    }

    private func event(_ happening: StatusBoard.Happening) -> RunnerStatus.Event {
        RunnerStatus.Event(
            target: "\(happening.target.id)", agent: happening.target.agent, kind: happening.kind.rawValue,
            message: happening.message, at: time(of: happening.moment))
    }

    private func time(of moment: BootInstant) -> WireTime {
        civilTime().advanced(by: clock.now.duration(to: moment))
    }
}

extension OperatorDesk.Order {
    fileprivate func event(_ key: CommandKey, at now: BootInstant) -> TargetStateMachine.Event {
        switch self {
        case .restart: .commanded(CommandTicket(key: key, action: .restart))
        case .stop: .commanded(CommandTicket(key: key, action: .stop))
        case .pause(let time): .paused(Pause(until: time.map { now.advanced(by: $0) }), for: key)
        case .resume: .resumed(for: key)
        }
    }
}

/// News as they come, until somebody ends them.
package struct Following<Values: AsyncSequence & Sendable>: Sendable {
    package var values: Values
    /// Ends the values.
    package var end: @Sendable () -> Void
}

/// A name that an operator gave and no target has.
package struct NoSuchTargetError: Error, Sendable, Hashable, CustomStringConvertible {
    package var name: String
    package var nearest: String?

    package var description: String {
        "'\(ConfigurationProblem.oneLine(String(name.prefix(200))))' is not watched here"
            + (nearest.map { "; did you mean '\($0)'?" } ?? ": clevagent-runner status lists what is")
    }
}

import ServerDomain
import WireProtocol

/// A fleet with a clock that only the test moves; keeps every event that was told.
struct FleetBench {
    static let start = WireTime(millisecondsSince1970: 1_800_000_000_000)
    static let project = ProjectID(rawValue: 1)

    var fleet = Fleet(project: project)
    var identifiers = IdentifierSource(unixSeconds: 1_800_000_000)
    var delivered: [EventKey: AgentID] = [:]
    var events: [EventRecord] = []
    var heartbeats: [HeartbeatRecord] = []
    var lastChanges = FleetChanges()
    /// Seconds since the start.
    var time: Double = 0

    var now: Moment {
        Moment(steady: .seconds(time), wall: Self.start.advanced(by: .seconds(time)))
    }

    var kinds: [String] { events.map(\.kind) }

    /// One turn at the present moment.
    @discardableResult
    mutating func turn<Answer>(_ decide: (inout Fleet, inout Turn) -> Answer) -> Answer {
        var turn = Turn(now: now, identifiers: identifiers, knownEvents: delivered)
        let answer = decide(&fleet, &turn)
        identifiers = turn.identifiers
        delivered.merge(turn.changes.eventKeys) { first, _ in first }
        events += turn.changes.events
        heartbeats += turn.changes.heartbeats
        lastChanges = turn.changes
        return answer
    }

    /// Lets time pass, stopping at every deadline on the way, as the service does.
    mutating func wait(_ seconds: Double) {
        let end = time + seconds
        while let next = fleet.nextDeadline, next <= .seconds(end) {
            time = max(time, next / .seconds(1))
            turn { fleet, turn in fleet.actOnDeadlines(&turn) }
        }
        time = end
    }

    @discardableResult
    mutating func beat(
        _ agent: String = "bot", _ status: HeartbeatStatus = .ok, by runner: String? = nil, interval: Double? = nil,
        seq: Int64? = nil, _ change: (inout HeartbeatReport) -> Void = { _ in }
    ) -> HeartbeatOutcome {
        var report = HeartbeatReport(agent: agent, status: status)
        report.interval = interval.map { .seconds($0) }
        report.seq = seq
        if runner != nil {
            report.restartType = "process"
            report.restartTarget = "/run/\(agent).pid"
        }
        change(&report)
        return turn { fleet, turn in
            fleet.receive(report, from: Sender(runner: runner.flatMap(RunnerID.init(rawValue:))), &turn)
        }
    }

    /// One batch of a runner.
    mutating func batch(_ runner: String, _ state: String = "running", _ agents: [String], interval: Double = 30) {
        guard let id = RunnerID(rawValue: runner), let input = RunnerInput.of(runner, state) else { return }
        turn { fleet, turn in
            fleet.open(input, as: id, &turn)
            for agent in agents {
                var report = HeartbeatReport(agent: agent)
                report.interval = .seconds(interval)
                report.restartType = "process"
                report.restartTarget = "/run/\(agent).pid"
                _ = fleet.receive(report, from: Sender(runner: id), &turn)
            }
            fleet.close(input, as: id, &turn)
        }
    }

    func status(_ agent: String = "bot") -> AgentStatus? {
        fleet.agent(named: agent).map { fleet.status(of: $0) }
    }

    func id(_ agent: String = "bot") -> AgentID {
        fleet.agent(named: agent)?.id ?? AgentID(rawValue: -1)
    }
}

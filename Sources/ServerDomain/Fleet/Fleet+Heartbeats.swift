package import WireProtocol

/// Who sends: a runner by its id, or nobody in particular.
package struct Sender: Sendable, Hashable {
    package var runner: RunnerID?
    /// When the whole request left, by the sender's clock.
    package var sentAt: WireTime?

    package init(runner: RunnerID? = nil, sentAt: WireTime? = nil) {
        self.runner = runner
        self.sentAt = sentAt
    }
}

/// What became of one heartbeat.
package enum HeartbeatOutcome: Sendable, Hashable {
    case accepted(AgentID, name: String)
    /// The project is strict and does not know this agent.
    case notRegistered
}

extension Fleet {
    /// How far back a sender may date an event.
    static let retention: Duration = .seconds(365 * 86_400)

    /// Takes in one heartbeat.
    package mutating func receive(
        _ report: HeartbeatReport, from sender: Sender, _ turn: inout Turn
    ) -> HeartbeatOutcome {
        let key = report.eventID.map { EventKey(project: project, eventID: $0) }
        if let key, let known = turn.delivered(key), let agent = agents[known] {
            return .accepted(agent.id, name: report.agent)
        }
        guard var agent = findOrCreate(report, from: sender, &turn) else { return .notRegistered }
        if let runner = sender.runner { hear(runner, &turn) }
        if let key { turn.changes.eventKeys[key] = agent.id }

        let id = InstanceID(agent: agent.id, runner: sender.runner)
        let before = instances[id]
        let isLate = Self.isLate(report.seq, after: before?.seq)
        let at = Self.eventTime(report, sentAt: report.sentAt ?? sender.sentAt, now: turn.now.wall)
        turn.changes.heartbeats.append(
            HeartbeatRecord(
                agent: agent.id, runner: sender.runner, at: at, receivedAt: turn.now.wall, isLate: isLate,
                report: report))
        if before == nil { agent.reporters.append(sender.runner) }
        if let type = report.agentType { agent.agentType = type }
        count(report, at: at, in: &agent, &turn)
        if agent != agents[agent.id] { write(agent, &turn) }
        if let event = report.event {
            tell(
                event.kind.rawValue, at: at, agent: agent, runner: sender.runner, message: report.message,
                data: EventData(event), &turn)
        }
        if !isLate { renew(before, id: id, with: report, agent: agent, &turn) }
        return .accepted(agent.id, name: agent.name)
    }

    /// Dates what a heartbeat tells: receipt minus the age it had when it left, both by the sender's clock.
    static func eventTime(_ report: HeartbeatReport, sentAt: WireTime?, now: WireTime) -> WireTime {
        guard let observed = report.observedAt, let sentAt else { return now }
        let age = sentAt.millisecondsSince1970 - observed.millisecondsSince1970
        let clamped = min(max(0, age), retention.wholeMilliseconds)
        return WireTime(millisecondsSince1970: max(0, now.millisecondsSince1970 - clamped))
    }

    /// Whether a heartbeat was overtaken by a newer one of the same reporter.
    static func isLate(_ seq: Int64?, after newest: Int64?) -> Bool {
        guard let seq, let newest else { return false }
        return seq < newest
    }

    // MARK: - Parts of one heartbeat

    /// Makes the reporter's newest word count and starts its timer anew.
    private mutating func renew(
        _ before: Instance?, id: InstanceID, with report: HeartbeatReport, agent: Agent, _ turn: inout Turn
    ) {
        var instance =
            before ?? Instance(id: id, source: .sdk, phase: .heard(report.status), lastHeard: turn.now)
        if id.runner != nil || report.restartType != nil { instance.source = .runner }
        if let outage = instance.outage {
            instance.outage = nil
            if !outage.isPartOfRunner { tellHeardAgain(agent, instance, outage, report.status, &turn) }
        }
        instance.lastHeard = turn.now
        instance.interval = report.interval ?? instance.interval
        instance.seq = report.seq ?? instance.seq
        instance.message = report.message
        instance.memoryMB = report.memoryMB ?? instance.memoryMB
        instance.restart = report.restart ?? instance.restart
        if report.event?.kind == .unwatched {
            instance.phase = .removed
            instance.due = nil
        } else {
            instance.phase = .heard(report.status)
            instance.due =
                report.status == .shutdown ? nil : turn.now.steady + SilencePolicy.allowance(instance.interval)
        }
        write(instance, &turn)
    }

    private func tellHeardAgain(
        _ agent: Agent, _ instance: Instance, _ outage: Instance.Outage, _ status: HeartbeatStatus, _ turn: inout Turn
    ) {
        var data = EventData()
        data.silentFor = (turn.now.steady - outage.since.steady).toldSeconds
        data.status = status.rawValue
        tell(
            ServerEventKind.heardAgain.rawValue, agent: agent, runner: instance.id.runner,
            message: "heard again after \((turn.now.steady - outage.since.steady).spoken)", data: data, &turn)
    }

    /// Adds tokens, cost and restarts to their day.
    private func count(_ report: HeartbeatReport, at: WireTime, in agent: inout Agent, _ turn: inout Turn) {
        let day = DayNumber(at)
        let restarts: Int64 = report.event?.kind == .restarted ? 1 : 0
        let totals = DayTotals(
            day: day, restarts: restarts, tokens: report.tokensUsed ?? 0, costUSD: report.costUSD ?? 0)
        guard !totals.isEmpty else { return }
        agent.today.add(totals)
        turn.changes.days[.init(agent: agent.id, day: day), default: DayTotals(day: day)].add(totals)
    }

    private mutating func findOrCreate(
        _ report: HeartbeatReport, from sender: Sender, _ turn: inout Turn
    ) -> Agent? {
        if let known = agent(named: report.agent) { return known }
        if let inherited = takeOver(report, from: sender, &turn) { return inherited }
        guard !isStrict else { return nil }
        let agent = Agent(
            id: turn.identifiers.makeAgentID(), project: project, name: report.agent, agentType: report.agentType,
            createdAt: turn.now.wall, today: DayTotals(day: DayNumber(turn.now.wall)))
        agentsByName[agent.name] = agent.id
        write(agent, &turn)
        return agent
    }

    /// Gives the agent of an older runner, which named it otherwise, its new name.
    ///
    /// Only when the pair of type and target leaves no doubt: exactly one agent has it, and no runner with an id ever
    /// reported that agent.
    private mutating func takeOver(
        _ report: HeartbeatReport, from sender: Sender, _ turn: inout Turn
    ) -> Agent? {
        guard sender.runner != nil, let address = report.restart else { return nil }
        let candidates = instances.values.filter { $0.id.runner == nil && $0.restart == address }
        guard candidates.count == 1, var instance = candidates.first, var agent = agents[instance.id.agent],
            agent.reporters == [nil]
        else { return nil }
        instance.phase = .removed
        instance.due = nil
        instance.outage = nil
        write(instance, &turn)
        agentsByName[agent.name] = nil
        agent.name = report.agent
        agentsByName[agent.name] = agent.id
        write(agent, &turn)
        return agent
    }
}

extension Duration {
    /// Seconds to the millisecond, as events tell them.
    var toldSeconds: Double { Double(wholeMilliseconds) / 1000 }

    /// How a person says it: `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
    package var spoken: String {
        let seconds = max(0, components.seconds)
        switch seconds {
        case ..<60: return "\(seconds) s"
        case ..<3600: return seconds % 60 == 0 ? "\(seconds / 60) min" : "\(seconds / 60) min \(seconds % 60) s"
        case ..<86_400: return "\(seconds / 3600) h \(seconds % 3600 / 60) min"
        default: return "\(seconds / 86_400) d \(seconds % 86_400 / 3600) h"
        }
    }
}

import WireProtocol

// Reports, plans and the words they use.
extension TargetStateMachine {
    /// Reports a state change. What follows the agent's name begins with a verb, or with a colon.
    mutating func tell(_ status: HeartbeatStatus, _ message: String, _ event: HeartbeatEvent, at now: BootInstant) {
        // Plain heartbeats repeat the status and the words, not the event.
        report = TargetReport(
            status: status, message: sentence(message), memoryMB: report.memoryMB)
        var news = report
        news.event = event
        actions.append(.report(news))
    }

    /// Changes what the next plain heartbeat says.
    mutating func note(_ status: HeartbeatStatus, _ message: String?) {
        let news = TargetReport(
            status: status, message: message.map(sentence), memoryMB: report.memoryMB)
        guard news.status != report.status || news.message != report.message else { return }
        report = news
        actions.append(.report(news))
    }

    private func sentence(_ rest: String) -> String {
        rest.hasPrefix(":") ? "\(target.agent)\(rest)" : "\(target.agent) \(rest)"
    }

    /// Reports a living target, with what is of concern about it.
    mutating func tellUp(kind: HeartbeatEvent.Kind?, _ words: String?, attempt: Int? = nil, at now: BootInstant) {
        let paused = pause.map { "paused: it would not be restarted \($0.words(at: now))" }
        let concern =
            switch (self.concern, paused) {
            case (let concern?, let paused?): "\(concern); \(paused)"
            case (let concern, let paused): concern ?? paused
            }
        let status: HeartbeatStatus = concern == nil ? .ok : .warning
        var message = words.map { "\($0)\(self.words(for: life))" }
        if let concern { message = message.map { "\($0); \(concern)" } ?? ": \(concern)" }
        if let obstacle {
            let words = "can't be restarted: \(obstacle)"
            message = message.map { "\($0); it \(words)" } ?? "is watched, and \(words)"
        }
        if let kind {
            tell(status, message ?? "is up", HeartbeatEvent(kind: kind, pid: pid, attempt: attempt), at: now)
        } else {
            note(status, message)
        }
    }

    /// Plans a restart and reports why.
    mutating func plan(
        _ action: TargetAction, _ message: String, _ kind: HeartbeatEvent.Kind?, end: End? = nil,
        command: CommandTicket? = nil, grace: Duration = .zero, due: BootInstant, at now: BootInstant
    ) {
        let plan = Plan(action: action, due: due, command: command, grace: grace, isByPolicy: true)
        state = .backoff(plan)
        if let kind {
            tellPlan(message, kind, end: end, grace: grace, due: due, at: now)
        } else {
            note(.error, "\(message); \(outlook(now.duration(to: due).inWords, at: now))")
        }
        startIfDue(plan, at: now)
    }

    /// What is due now does not wait for a timer.
    mutating func startIfDue(_ plan: Plan, at now: BootInstant) {
        guard plan.due <= now, !isStopping, !isHeldBack(plan) else { return }
        state = .queued(plan)
        actions.append(.requestStart)
    }

    /// Reports how a former life ended, which does not change how the target is.
    mutating func tellEvidence(_ end: End) {
        actions.append(
            .report(
                TargetReport(
                    status: report.status, message: "\(target.agent)'s former process \(words(for: end))",
                    event: event(.evidence, end), memoryMB: report.memoryMB)))
    }

    /// Reports what was found out about a death, which does not change how the target is.
    mutating func tellEvidence(_ evidence: Evidence) {
        var end = evidence.end
        if let toldEnd, toldEnd.identity == end.identity { end = toldEnd }
        let message = evidence.message("\(target.agent) \(words(for: end))", limit: WireLimits.message)
        actions.append(
            .report(
                TargetReport(
                    status: report.status, message: message, event: event(.evidence, end),
                    memoryMB: evidence.memoryMB ?? report.memoryMB)))
    }

    mutating func tellPlan(
        _ message: String, _ kind: HeartbeatEvent.Kind, end: End? = nil, grace: Duration = .zero, due: BootInstant,
        at now: BootInstant
    ) {
        let wait = max(now.duration(to: due), .zero)
        var told = event(kind, end)
        told.attempt = attempt
        told.nextAttemptIn = pause == nil ? wait.wireSeconds : nil
        let restarts = window.count(at: now) + 1
        let often = restarts > 1 ? " (\(ordinal(restarts)) try in 10 min)" : ""
        // What is waited for may come sooner.
        let pace = grace > .zero && wait > .zero ? "with\(wait.inWords)" : wait.inWords
        tell(.error, "\(message); \(outlook(pace + often, at: now))", told, at: now)
    }

    /// What comes of a plan: in a pause, nothing for the time being.
    private func outlook(_ pace: String, at now: BootInstant) -> String {
        pause.map { "paused: it is not restarted \($0.words(at: now))" } ?? "restarting \(pace)"
    }

    /// Reports something that does not change how the target is.
    mutating func tellAside(_ message: String, _ kind: HeartbeatEvent.Kind) {
        var news = TargetReport(status: report.status, message: sentence(message), memoryMB: report.memoryMB)
        news.event = HeartbeatEvent(kind: kind, pid: pid)
        actions.append(.report(news))
    }

    /// Reports a crash loop, once until it is over.
    ///
    /// - Parameter cameUp: whether the last try brought it up; a start that fails is no restart.
    mutating func tellCrashLoop(
        _ status: HeartbeatStatus = .error, cameUp: Bool = true,
        _ outlook: String = "it is tried again at the capped pace", at now: BootInstant
    ) {
        guard window.isCrashLoop(at: now), !isCrashLoopTold else { return }
        isCrashLoopTold = true
        let count = window.count(at: now)
        tell(
            status,
            "is in a crash loop: \(count) \(cameUp ? "restarts" : "tries to start it") in 10 min; \(outlook)",
            .init(kind: .crashLoop, attempt: attempt), at: now)
    }

    /// Withdraws the request for a start permit, if there is one.
    mutating func withdrawStart() {
        switch state {
        case .queued: actions.append(.releaseStart)
        case .unseen, .running, .starting, .backoff, .operating, .interrupted, .exited, .undetermined,
            .handledElsewhere:
            break
        }
    }

    mutating func resolve(_ ticket: CommandTicket?, _ status: CommandResult.Status, _ message: String) {
        resolve(ticket, CommandResult(status: status, message: message))
    }

    mutating func resolve(_ ticket: CommandTicket?, _ result: CommandResult) {
        guard let ticket else { return }
        actions.append(.resolve(ticket.key, result))
    }

    mutating func backoffDelay() -> Duration {
        settings.backoff.delay(attempt: attempt, jitter: jitter.next())
    }

    var pid: Int? { life?.pid.map(Int.init) }

    func event(_ kind: HeartbeatEvent.Kind, _ end: End?) -> HeartbeatEvent {
        var event = HeartbeatEvent(kind: kind)
        event.pid = end?.identity?.pid.map(Int.init)
        switch end?.cause {
        case .exit(let code): event.exitCode = Int(code)
        case .signal(let number): event.signal = Int(number)
        case .outOfMemory: event.oom = true
        case .unknown, nil: break
        }
        return event
    }

    // MARK: - Words

    func words(for identity: Identity?) -> String {
        identity?.pid.map { " (PID \($0))" } ?? ""
    }

    func words(for command: CommandTicket?) -> String { words(for: command?.key) }

    func words(for key: CommandKey?) -> String {
        key.map { "\($0)" } ?? "a command"
    }

    func words(for end: End) -> String {
        let who = words(for: end.identity)
        let how =
            switch end.cause {
            case .exit(code: 0): "ended by itself\(who): exit 0"
            case .exit(let code): "died\(who): exit \(code)"
            case .signal(let number): "was killed\(who): \(SignalName.of(number))"
            case .outOfMemory: "was killed by the kernel: out of memory\(who)"
            case .unknown: "died\(who)"
            }
        return how + added(by: end)
    }

    /// `: SIGTERM (15)`, with the PID before it.
    func details(of end: End) -> String {
        let how =
            switch end.cause {
            case .exit(let code): ": exit \(code)"
            case .signal(let number): ": \(SignalName.of(number))"
            case .outOfMemory: ": out of memory"
            case .unknown: ""
            }
        return words(for: end.identity) + how + added(by: end)
    }

    private func added(by end: End) -> String { end.detail.map { "; \($0)" } ?? "" }

    private func ordinal(_ number: Int) -> String {
        let suffix =
            switch (number % 10, number % 100) {
            case (_, 11...13): "th"
            case (1, _): "st"
            case (2, _): "nd"
            case (3, _): "rd"
            default: "th"
            }
        return "\(number)\(suffix)"
    }
}

extension TargetStateMachine.State {
    /// The same plan as it was before its time had come.
    var unqueued: Self {
        if case .queued(let plan) = self { .backoff(plan) } else { self }
    }

    /// The same state with another plan; only meaningful where there is one.
    func replacingPlan(_ plan: TargetStateMachine.Plan) -> Self {
        switch self {
        case .backoff: .backoff(plan)
        case .queued: .queued(plan)
        case .unseen, .running, .starting, .operating, .interrupted, .exited, .undetermined, .handledElsewhere: self
        }
    }
}

extension End {
    /// What kind of event it is.
    var ending: HeartbeatEvent.Kind { cause == .exit(code: 0) ? .exited : .died }
}

extension Duration {
    /// `now`, `in 0.4 s`, `in 4 s`.
    fileprivate var inWords: String {
        let milliseconds = wholeMilliseconds
        if milliseconds <= 0 { return "now" }
        if milliseconds < 950 { return "in 0.\((milliseconds + 50) / 100) s" }
        return "in \((milliseconds + 500) / 1000) s"
    }
}

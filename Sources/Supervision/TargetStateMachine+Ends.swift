import WireProtocol

// What is seen of a target that is down, and what becomes of it.
extension TargetStateMachine {
    /// Takes up how a life ended whose death was told without that.
    ///
    /// - Returns: the end, if it is news.
    mutating func learn(from observation: Observation) -> End? {
        guard let end = observation.end ?? observation.former, let told = toldEnd, told.identity == end.identity,
            told.cause == .unknown,
            end.cause != .unknown
        else { return nil }
        toldEnd = end
        return end
    }

    mutating func seenDead(
        _ end: End, _ observation: Observation, isEvidence: Bool = false, at now: BootInstant
    ) {
        switch state {
        case .unseen, .operating, .interrupted: break
        case .running: died(end, observation, at: now)
        case .starting(let trial):
            resolve(trial.command, .failed, "\(target.agent) came up and ended soon after: \(words(for: end))")
            died(end, observation, at: now)
        case .backoff(var plan), .queued(var plan):
            if plan.action == .restart, plan.command == nil {
                // It was unhealthy, and has ended before it was restarted: an end like any other.
                withdrawStart()
                attempt = max(0, attempt - 1)
                died(end, observation, at: now)
            } else if plan.action == .restart {
                // A command was to restart it, and it has ended by itself in the meantime.
                plan.action = .recover
                state = state.replacingPlan(plan)
                tellEndBefore(.restart, by: plan.command, end, at: now)
            } else if plan.command == nil, !settings.policy.restarts(after: end) {
                // How it ended has become known, and after such an end nothing is started.
                withdrawStart()
                // The death itself was told when the restart was planned, by an earlier runner perhaps.
                leaveDown(after: end, observation, isTold: true, at: now)
            } else if isEvidence {
                goOn(with: plan, after: end, observation, at: now)
            }
        case .exited(let reason):
            let told: Identity? =
                switch reason {
                case .ended(let identity), .notRestartable(let identity), .foundDown(let identity): identity
                case .held: end.identity
                }
            // A whole life may have passed between two looks.
            if end.identity != nil, end.identity != told {
                died(end, observation, at: now)
            } else if isEvidence {
                learnAtRest(end, reason, observation, at: now)
            }
        case .undetermined, .handledElsewhere:
            judgedDown(end, observation, at: now)
            if isEvidence { tellEvidence(end) }
        }
    }

    /// Tells the end of a life that came before an action could touch it.
    mutating func tellEndBefore(_ action: TargetAction, by command: CommandTicket?, _ end: End, at now: BootInstant) {
        let former = life
        life = nil
        guard end.identity == nil || end.identity != toldEnd?.identity else { return }
        toldEnd = end
        let next = action == .stop ? "is to stay down" : "is restarted"
        tell(.error, "\(words(for: end)); it \(next) by \(words(for: command))", event(end.ending, end), at: now)
        gather(end, of: former, at: now)
    }

    /// Goes on with a restart that waited to learn how the target ended, sooner now.
    private mutating func goOn(
        with former: Plan, after end: End, _ observation: Observation, at now: BootInstant
    ) {
        var plan = former
        plan.grace = settings.grace ?? observation.grace
        plan.due = max(now, former.due.advanced(by: plan.grace - former.grace))
        state = state.replacingPlan(plan)
        tellPlan(words(for: end), .evidence, end: end, due: plan.due, at: now)
        if case .backoff = state { startIfDue(plan, at: now) }
    }

    private mutating func learnAtRest(_ end: End, _ rest: Rest, _ observation: Observation, at now: BootInstant) {
        switch rest {
        case .ended, .notRestartable: self.rest(after: end, observation, as: .evidence, at: now)
        case .held, .foundDown: tellEvidence(end)
        }
    }

    /// It could not be judged for a while, and is down.
    private mutating func judgedDown(_ end: End, _ observation: Observation, at now: BootInstant) {
        if life != nil, restored == .idle {
            died(end, observation, at: now)
        } else if let (rest, told) = resting {
            // It was down before, and is still: nothing happened.
            resting = nil
            state = .exited(rest)
            report = told
            actions.append(.report(told))
        } else {
            state = .unseen
            firstSeen(observation, at: now)
        }
    }

    mutating func seenMissing(_ reason: String, _ observation: Observation, at now: BootInstant) {
        switch state {
        case .unseen, .operating, .interrupted: break
        case .running, .starting:
            seenDead(End(identity: life, cause: .unknown), observation, at: now)
        case .backoff, .queued: break
        case .exited: noteMissing(reason)
        case .undetermined, .handledElsewhere:
            let wasDown = life == nil
            judgedDown(End(identity: life, cause: .unknown), observation, at: now)
            if wasDown, case .exited = state { noteMissing(reason) }
        }
    }

    private mutating func noteMissing(_ reason: String) {
        if report.message.map({ !$0.contains(reason) }) ?? true { note(report.status, reason) }
    }

    mutating func died(_ end: End, _ observation: Observation, at now: BootInstant) {
        let former = life
        let isTold = isEndTold && end.identity == former
        life = nil
        toldEnd = end
        defer { if !isTold, report.status == .error { gather(end, of: former, at: now) } }
        guard !isHeld, settings.policy.restarts(after: end), obstacle == nil else {
            rest(after: end, observation, as: isTold && !end.isDeliberate ? .restartFailed : nil, at: now)
            return
        }
        attempt += 1
        let grace = settings.grace ?? observation.grace
        plan(
            .recover, isTold ? "\(words(for: end)); its own supervisor has given up" : words(for: end),
            isTold ? .restartFailed : end.ending, end: end, grace: grace,
            due: now.advanced(by: grace + backoffDelay()), at: now)
        tellCrashLoop(at: now)
    }

    /// How the life that was up last ended is told, and its own supervisor is at it.
    var isEndTold: Bool { life != nil && toldEnd?.identity == life }

    /// Tells a death that is left to the target's own supervisor, or that somebody was quicker with.
    ///
    /// - Returns: whether there was one.
    mutating func endedElsewhere(_ observation: Observation, at now: BootInstant) -> Bool {
        guard let end = observation.former, end.identity != nil, end.identity != toldEnd?.identity, !end.isDeliberate
        else { return false }
        // Where its own supervisor is at it, a whole life may pass between two looks.
        let isLeft = if case .handledElsewhere = state { life == nil || isEndTold } else { false }
        guard end.identity == life || isLeft else { return false }
        let outlook: String
        switch observation.liveness {
        case .handledElsewhere: outlook = "its own supervisor restarts it"
        case .alive(let identity) where identity != end.identity,
            .unhealthy(let identity, _) where identity != end.identity:
            outlook = "it was brought back, not by this runner"
        case .alive, .unhealthy, .dead, .missing, .undetermined: return false
        }
        life = end.identity
        toldEnd = end
        tell(.warning, "\(words(for: end)); \(outlook)", event(end.ending, end), at: now)
        gather(end, of: life, at: now)
        if !window.isCrashLoop(at: now) { isCrashLoopTold = false }
        window.record(at: now)
        tellCrashLoop(.warning, "it is left to its own supervisor", at: now)
        return true
    }

    /// Has a death looked into.
    private mutating func gather(_ end: End, of former: Identity?, at now: BootInstant) {
        let memory = lastMemoryMB
        lastMemoryMB = nil
        guard settings.logTail > 0 else { return }
        let began = end.identity?.began ?? (end.identity == nil || end.identity == former ? former?.began : nil)
        actions.append(
            .gather(
                Evidence(
                    end: end, uptime: began?.duration(to: now), restarts: window.count(at: now), memoryMB: memory)))
    }

    /// Gives up a start that policy had wanted, and after this end does not want: it was no try.
    ///
    /// - Parameter isTold: the death itself was told before.
    mutating func leaveDown(after end: End, _ observation: Observation, isTold: Bool, at now: BootInstant) {
        attempt = max(0, attempt - 1)
        rest(after: end, observation, as: isTold && !end.isDeliberate ? .evidence : nil, at: now)
    }

    /// It ended, and nothing is started.
    mutating func rest(
        after end: End, _ observation: Observation, as kind: HeartbeatEvent.Kind? = nil, at now: BootInstant
    ) {
        life = nil
        toldEnd = end
        if isHeld {
            state = .exited(.held)
            tell(.shutdown, "is stopped, and held by a stop command", event(kind ?? .stopped, end), at: now)
        } else if end.isDeliberate {
            state = .exited(.ended(end.identity))
            tell(.shutdown, "was stopped by somebody\(details(of: end))", event(kind ?? .stopped, end), at: now)
        } else if !settings.policy.restarts(after: end) {
            state = .exited(.ended(end.identity))
            let isClean = end.cause == .exit(code: 0)
            tell(
                isClean ? .shutdown : .error,
                "\(words(for: end)); the restart policy is \(settings.policy.rawValue), so it stays down",
                event(kind ?? end.ending, end), at: now)
        } else {
            state = .exited(.notRestartable(end.identity))
            tell(
                .error, "\(words(for: end)); it can't be restarted: \(obstacle ?? "no way is known")",
                event(kind ?? end.ending, end), at: now)
        }
    }
}

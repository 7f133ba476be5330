import WireProtocol

// What is seen of a target, in every state.
extension TargetStateMachine {
    mutating func observed(_ observation: Observation, at now: BootInstant) {
        obstacle = observation.obstacle
        concern = observation.concern
        report.memoryMB = observation.memoryMB
        lastMemoryMB = observation.memoryMB ?? lastMemoryMB
        let learned = learn(from: observation)
        switch state {
        case .operating(var operation):
            operation.latest = observation
            state = .operating(operation)
            if let learned { tellEvidence(learned) }
        case .interrupted(let interruption): seen(observation, after: interruption, at: now)
        case .unseen: firstSeen(observation, at: now)
        case .running, .starting, .backoff, .queued, .exited, .undetermined, .handledElsewhere:
            let isLeft = endedElsewhere(observation, at: now)
            switch observation.liveness {
            case .alive(let identity):
                seenAlive(identity, observation, at: now)
                if let learned { tellEvidence(learned) }
            case .unhealthy(let identity, let reason): seenUnhealthy(identity, reason, at: now)
            case .dead(let end): seenDead(end, observation, isEvidence: learned != nil, at: now)
            case .missing(let reason): seenMissing(reason, observation, at: now)
            case .undetermined(let reason): seenUndetermined(reason, at: now)
            case .handledElsewhere(let reason): seenHandledElsewhere(reason, isTold: isLeft, at: now)
            }
        }
    }

    // MARK: - First sight

    /// What is down when it is first seen is reported and not started, unless the record says that it was up in this
    /// boot and not stopped, or the policy is `always`.
    mutating func firstSeen(_ observation: Observation, at now: BootInstant) {
        let isLeft = restored == .idle && endedElsewhere(observation, at: now)
        switch observation.liveness {
        case .alive(let identity), .unhealthy(let identity, _):
            let before = life
            if isHeld, before != identity, !restored.isOperating { isHeld = false }
            life = identity
            state = .running(since: identity.began ?? now)
            switch restored {
            case .operating(let action, let began, let key):
                foundAlive(identity, inTheMiddleOf: action, begunWith: began, key, observation, at: now)
            case .settling(let key):
                let ticket = TargetAction.restart.ticket(for: key)
                if before == identity {
                    state = .starting(Trial(settles: settling(identity, at: now), command: ticket))
                    note(.warning, "is starting\(words(for: identity))")
                } else {
                    resolve(ticket, .completed, "\(target.agent) is running\(words(for: identity))")
                    tellUp(kind: .started, "was started by somebody else", at: now)
                }
            case .idle, .waiting:
                if before != identity, before != nil || wasKnownDown || restored != .idle {
                    tellUp(kind: .started, "was started by somebody else", at: now)
                } else {
                    tellUp(kind: nil, nil, at: now)
                }
            }
            // While an interrupted action may still end it, it is not judged.
            if case .unhealthy(_, let reason) = observation.liveness { seenUnhealthy(identity, reason, at: now) }
        case .dead(let end): foundDown(end, missing: nil, observation, at: now)
        case .missing(let reason):
            foundDown(End(identity: nil, cause: .unknown), missing: reason, observation, at: now)
        case .undetermined(let reason): seenUndetermined(reason, at: now)
        case .handledElsewhere(let reason):
            // What had ended before anybody looked is nobody's news.
            if life == nil { toldEnd = observation.former }
            seenHandledElsewhere(reason, isTold: isLeft, at: now)
        }
        if !isUnseenStill(observation) { (restored, toldBefore) = (.idle, nil) }
    }

    /// Doubt decides nothing: what the record said is kept until something is known.
    private func isUnseenStill(_ observation: Observation) -> Bool {
        switch observation.liveness {
        case .undetermined, .handledElsewhere: true
        case .alive, .unhealthy, .dead, .missing: false
        }
    }

    /// When a life that came up before this runner looked has been up for long enough.
    func settling(_ identity: Identity, at now: BootInstant) -> BootInstant {
        max(now, (identity.began ?? now).advanced(by: Self.settleTime))
    }

    private mutating func foundDown(
        _ end: End, missing: String?, _ observation: Observation, at now: BootInstant
    ) {
        switch restored {
        case .operating(let action, _, let key):
            foundDown(inTheMiddleOf: action, action.ticket(for: key), end, observation, at: now)
        case .waiting where life == nil && !isHeld && missing == nil && !settings.policy.restarts(after: asTold(end)):
            // How it ended was not known when the restart was planned, and after such an end nothing is started.
            leaveDown(after: end, observation, isTold: true, at: now)
        case .waiting(let due) where life == nil && !isHeld:
            let known = end.cause == .unknown ? toldEnd ?? end : asTold(end)
            plan(.recover, words(for: known), nil, command: nil, due: max(due, now), at: now)
        case .settling(let key):
            // How long it was up is known to nobody; that it began is all that a command's outcome asks for then.
            let hadTime = life.map { settling($0, at: now) == now } ?? false
            resolve(
                TargetAction.restart.ticket(for: key), hadTime ? .completed : .failed,
                hadTime
                    ? "\(target.agent) came up\(words(for: life)), and has ended while no runner looked"
                    : "\(target.agent) came up and ended soon after")
            died(end, observation, at: now)
        case .idle, .waiting:
            if life != nil {
                died(end, observation, at: now)
            } else if isHeld {
                state = .exited(.held)
                note(.shutdown, "is stopped, and held by an earlier stop command")
            } else if wasStopped, missing == nil, settings.policy != .always {
                state = .exited(.ended(end.identity))
                note(.shutdown, "is stopped, as somebody had left it before the runner's start")
            } else if settings.policy == .always, obstacle == nil {
                attempt = 1
                plan(
                    .recover, missing ?? "is down", missing == nil ? .died : .missing, command: nil, due: now, at: now)
            } else if let remembered {
                // Nothing happened since it was told.
                state = .exited(.ended(end.identity))
                report = TargetReport(status: remembered.status, message: remembered.message)
                actions.append(.report(report))
            } else {
                state = .exited(.foundDown(end.identity))
                let message = missing ?? "is down"
                tell(
                    .error, "\(message); it was so when the runner first saw it, so it was not started",
                    .init(kind: missing == nil ? .died : .missing), at: now)
            }
        }
    }

    /// How it ended, as a runner saw it that was there; who only finds it down may take an end by itself for a stop.
    func asTold(_ end: End) -> End {
        guard let told = toldBefore, told.cause != .unknown, end.identity == nil || end.identity == told.identity else {
            return end
        }
        return told
    }

    // MARK: - Alive

    private mutating func seenAlive(_ identity: Identity, _ observation: Observation, at now: BootInstant) {
        switch state {
        case .unseen, .operating, .interrupted: break  // judged elsewhere
        case .running:
            if life == identity {
                let wasUnhealthy = report.status == .error
                tellUp(
                    kind: wasUnhealthy ? .recovered : nil, wasUnhealthy ? "is healthy again" : nil,
                    at: now)
            } else {
                life = identity
                state = .running(since: identity.began ?? now)
                isHeld = false
                tellUp(kind: .started, "runs as a new process", at: now)
            }
        case .starting(var trial):
            guard life != identity else {
                if let concern { note(.warning, "is starting\(words(for: identity)); \(concern)") }
                return
            }
            // A program that made itself a daemon: the trial begins anew with the process that stayed.
            life = identity
            trial.settles = now.advanced(by: Self.settleTime)
            state = .starting(trial)
            note(.warning, "is starting\(words(for: identity))")
        case .backoff(let plan), .queued(let plan):
            if plan.command != nil {
                // A restart was asked for, and it is what will be done, now to a living target.
                life = identity
                var plan = plan
                plan.action = .restart
                plan.isByPolicy = false
                state = state.replacingPlan(plan)
                return
            }
            withdrawStart()
            life = identity
            isHeld = false
            state = .running(since: identity.began ?? now)
            tellUp(kind: .recovered, "is up again, without our doing", at: now)
        case .exited:
            life = identity
            isHeld = false
            state = .running(since: identity.began ?? now)
            tellUp(kind: .started, "was started", at: now)
        case .undetermined, .handledElsewhere:
            let before = life
            let wasDoubted = if case .undetermined = state { true } else { false }
            resting = nil
            if restored != .idle {
                state = .unseen
                firstSeen(observation, at: now)
                return
            }
            life = identity
            state = .running(since: identity.began ?? now)
            if before == identity {
                // That another supervisor was at it is told without an event, as when a timer starts a oneshot.
                tellUp(kind: wasDoubted ? .recovered : nil, wasDoubted ? "is up" : nil, at: now)
            } else {
                isHeld = false
                tellUp(kind: .started, "was started", at: now)
            }
        }
    }

    mutating func seenUnhealthy(_ identity: Identity, _ reason: String, at now: BootInstant) {
        switch state {
        case .unseen, .operating, .interrupted: return
        case .starting(let trial):
            resolve(trial.command, .failed, "\(target.agent) came up and is unhealthy: \(reason)")
        case .backoff(var plan), .queued(var plan):
            life = identity
            plan.action = .restart
            state = state.replacingPlan(plan)
            return
        case .running, .exited, .undetermined, .handledElsewhere: break
        }
        life = identity
        guard settings.policy.restartsUnhealthy, !isHeld, obstacle == nil else {
            state = .running(since: identity.began ?? now)
            if report.message != "\(target.agent) is unhealthy: \(reason)" {
                tell(.error, "is unhealthy: \(reason)", .init(kind: .unhealthy, pid: pid), at: now)
            }
            return
        }
        attempt += 1
        plan(
            .restart, "is unhealthy: \(reason)", .unhealthy, command: nil, due: now.advanced(by: backoffDelay()),
            at: now)
    }

    // MARK: - Not to be told

    /// Some reasons go on with a sentence about the target, others say what there is instead of it.
    private func doubt(_ reason: String) -> String {
        reason.hasPrefix("can't ") || reason.hasPrefix("is ") ? reason : ": \(reason)"
    }

    private mutating func seenUndetermined(_ reason: String, at now: BootInstant) {
        if state == .undetermined(reason) { return }
        giveUpPlans("\(target.agent) can't be judged now: \(reason)")
        let isFirst = if case .undetermined = state { false } else { true }
        state = .undetermined(reason)
        if isFirst {
            tell(.warning, doubt(reason), .init(kind: .unknown), at: now)
        } else {
            note(.warning, doubt(reason))
        }
    }

    /// - Parameter isTold: what is to be said of it was said just now.
    private mutating func seenHandledElsewhere(_ reason: String, isTold: Bool, at now: BootInstant) {
        if state == .handledElsewhere(reason) { return }
        giveUpPlans("another supervisor is at it: \(reason)")
        state = .handledElsewhere(reason)
        if !isTold { note(.warning, reason) }
    }

    private mutating func giveUpPlans(_ reason: String) {
        switch state {
        case .backoff(let plan), .queued(let plan):
            withdrawStart()
            resolve(plan.command, .failed, "not carried out: \(reason)")
            // It was down and to be started: that is still so when it can be judged again.
            if life == nil, plan.isByPolicy, restored == .idle { restored = .waiting(due: plan.due) }
        case .starting(let trial): resolve(trial.command, .failed, "outcome unknown: \(reason)")
        case .exited(let rest): resting = (rest, report)
        case .unseen, .running, .operating, .interrupted, .undetermined, .handledElsewhere: break
        }
    }
}

extension TargetRecord.Phase {
    fileprivate var isOperating: Bool {
        switch self {
        case .operating: true
        case .idle, .waiting, .settling: false
        }
    }
}

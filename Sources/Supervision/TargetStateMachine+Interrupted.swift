import WireProtocol

// What becomes of an action whose runner ended in the middle of it. What an engine or a manager was asked for goes on
// without the runner that asked, and a signal that was sent takes its time.
extension TargetStateMachine {
    /// The target is found alive.
    mutating func foundAlive(
        _ identity: Identity, inTheMiddleOf action: TargetAction, begunWith before: Identity?, _ key: CommandKey?,
        _ observation: Observation, at now: BootInstant
    ) {
        let ticket = action.ticket(for: key)
        if before == identity || (before == nil && action == .stop) {
            state = .interrupted(
                Interruption(
                    action: action, command: ticket, until: now.advanced(by: Self.interruptedTime), latest: observation)
            )
            note(.warning, "is up; it was being \(action.participle) when the runner ended")
        } else {
            tookUp(identity, after: action, ticket, at: now)
        }
    }

    /// The target is found down, or ends now, by that action as far as can be known.
    mutating func foundDown(
        inTheMiddleOf action: TargetAction, _ ticket: CommandTicket?, _ end: End, _ observation: Observation,
        at now: BootInstant
    ) {
        // Policy began to start it, and now leaves it down: how it had ended was not known then, or what was started has
        // ended so.
        if action == .recover, ticket == nil, !settings.policy.restarts(after: asTold(end)) {
            leaveDown(after: end, observation, isTold: end.identity == toldBefore?.identity, at: now)
            return
        }
        wasEnded(life, end)
        switch action {
        case .stop:
            state = .exited(.held)
            tell(.shutdown, "was stopped by \(words(for: ticket))", event(.stopped, end), at: now)
            resolve(ticket, .completed, "\(target.agent) is stopped")
        case .recover, .restart:
            // It was signalled, or was being started: it is ours to bring up. A start that ended its runner was a try.
            if ticket == nil { attempt += 1 }
            plan(
                .recover, "was being restarted when the runner ended", nil, command: ticket,
                due: ticket == nil ? now.advanced(by: backoffDelay()) : now, at: now)
        }
    }

    mutating func seen(_ observation: Observation, after interruption: Interruption, at now: BootInstant) {
        var interruption = interruption
        switch observation.liveness {
        case .alive(let identity), .unhealthy(let identity, _):
            guard identity != life else {
                interruption.latest = observation
                state = .interrupted(interruption)
                return
            }
            life = identity
            tookUp(identity, after: interruption.action, interruption.command, at: now)
            if case .unhealthy(_, let reason) = observation.liveness { seenUnhealthy(identity, reason, at: now) }
        case .dead(let end):
            foundDown(inTheMiddleOf: interruption.action, interruption.command, end, observation, at: now)
        case .missing:
            let end = End(identity: life, cause: .unknown)
            foundDown(inTheMiddleOf: interruption.action, interruption.command, end, observation, at: now)
        case .undetermined, .handledElsewhere:
            restored = .operating(interruption.action, before: life, command: interruption.command?.key)
            state = .unseen
            firstSeen(observation, at: now)
        }
    }

    /// The life that the action found has outlived it.
    mutating func nothingCame(of interruption: Interruption, at now: BootInstant) {
        resolve(interruption.command, .interrupted)
        state = .running(since: life?.began ?? now)
        note(.ok, nil)
        observed(interruption.latest, at: now)
    }

    /// A life that began after the action did.
    private mutating func tookUp(
        _ identity: Identity, after action: TargetAction, _ ticket: CommandTicket?, at now: BootInstant
    ) {
        switch action {
        case .recover, .restart:
            state = .starting(Trial(settles: settling(identity, at: now), command: ticket))
            note(.warning, "is starting\(words(for: identity))")
        case .stop:
            resolve(ticket, .interrupted)
            isHeld = false
            state = .running(since: identity.began ?? now)
            tellUp(kind: .started, "was started by somebody else", at: now)
        }
    }
}

extension TargetAction {
    /// The command, if there was one, that asked for this.
    func ticket(for key: CommandKey?) -> CommandTicket? {
        key.map { CommandTicket(key: $0, action: self == .stop ? .stop : .restart) }
    }

    fileprivate var participle: String {
        switch self {
        case .stop: "stopped"
        case .recover, .restart: "restarted"
        }
    }
}

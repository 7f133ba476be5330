import WireProtocol

// What the server's queue asks, in every state.
extension TargetStateMachine {
    mutating func commanded(_ ticket: CommandTicket, at now: BootInstant) {
        guard !isStopping else {
            resolve(ticket, .failed, "not carried out: \(whyStopping)")
            return
        }
        guard pending.isEmpty, canTakeCommand else {
            pending.append(ticket)
            return
        }
        carryOut(ticket, at: now)
    }

    /// Carries out what had to wait for another action, one after the other.
    mutating func takePending(at now: BootInstant) {
        while !isStopping, canTakeCommand, !pending.isEmpty {
            carryOut(pending.removeFirst(), at: now)
        }
    }

    /// Nothing is in hand that a command would have to wait for.
    private var canTakeCommand: Bool {
        switch state {
        case .unseen, .operating, .interrupted: false
        case .starting(let trial): trial.command == nil
        case .backoff(let plan), .queued(let plan): plan.command == nil
        case .running, .exited, .undetermined, .handledElsewhere: true
        }
    }

    private mutating func carryOut(_ ticket: CommandTicket, at now: BootInstant) {
        guard !ticket.isExpired(at: now) else {
            resolve(ticket, .failed, "not carried out: it had expired before it could begin")
            return
        }
        switch ticket.action {
        case .restart: restart(ticket, at: now)
        case .stop: stop(ticket, at: now)
        }
    }

    private mutating func restart(_ ticket: CommandTicket, at now: BootInstant) {
        if case .undetermined(let reason) = state {
            resolve(ticket, .failed, "not carried out: \(target.agent) can't be judged: \(reason)")
            return
        }
        if let obstacle {
            resolve(ticket, .failed, "not carried out: \(target.agent) can't be restarted: \(obstacle)")
            return
        }
        isHeld = false
        attempt = 1
        isCrashLoopTold = false
        window = FailureWindow()
        var plan = Plan(action: .restart, due: now, command: ticket, isByPolicy: false)
        switch state {
        case .running, .starting, .handledElsewhere: break
        case .exited: plan.action = .recover
        case .backoff(let planned), .queued(let planned):
            plan.action = planned.action
            plan.isByPolicy = true
        case .unseen, .operating, .interrupted, .undetermined:
            preconditionFailure("a command was taken in state \(state)")
        }
        let hasRequested = if case .queued = state { true } else { false }
        state = .queued(plan)
        if !hasRequested { actions.append(.requestStart) }
    }

    private mutating func stop(_ ticket: CommandTicket, at now: BootInstant) {
        switch state {
        case .undetermined(let reason):
            resolve(ticket, .failed, "not carried out: \(target.agent) can't be judged: \(reason)")
        case .exited:
            isHeld = true
            state = .exited(.held)
            tell(.shutdown, "is stopped by \(words(for: ticket)); it was not running", .init(kind: .stopped), at: now)
            resolve(ticket, .completed, "\(target.agent) was not running, and stays stopped")
        case .backoff(let plan), .queued(let plan):
            withdrawStart()
            if plan.action == .restart, life != nil {
                begin(.stop, command: ticket, at: now)
                return
            }
            isHeld = true
            attempt = 0
            state = .exited(.held)
            tell(.shutdown, "is stopped by \(words(for: ticket)); it was not running", .init(kind: .stopped), at: now)
            resolve(ticket, .completed, "\(target.agent) was not running, and stays stopped")
        case .running, .starting, .handledElsewhere:
            begin(.stop, command: ticket, at: now)
        case .unseen, .operating, .interrupted:
            preconditionFailure("a command was taken in state \(state)")
        }
    }
}

extension CommandTicket {
    func isExpired(at now: BootInstant) -> Bool {
        expires.map { $0 <= now } ?? false
    }
}

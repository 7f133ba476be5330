import WireProtocol

// How an action begins, and what comes of it.
extension TargetStateMachine {
    mutating func begin(
        _ action: TargetAction, command: CommandTicket?, hindrance: String? = nil, at now: BootInstant
    ) {
        state = .operating(
            Operation(
                action: action, before: life, wasUnhealthy: life != nil && report.status == .error, command: command,
                hindrance: hindrance, holdsPermit: action != .stop))
        let by = command.map { " (\($0.key))" } ?? ""
        switch action {
        case .recover, .restart:
            window.record(at: now)
            // While it waits for something nothing new is told.
            guard hindrance == nil else { break }
            tell(.warning, "is being restarted\(by)", .init(kind: .restarting, attempt: attempt), at: now)
        case .stop:
            isHeld = true
            note(.warning, "is being stopped\(by)")
        }
        actions.append(.perform(action))
    }

    mutating func finished(_ outcome: TargetActionOutcome, at now: BootInstant) {
        guard case .operating(let operation) = state else {
            preconditionFailure("an action ended in state \(state)")
        }
        if case .foundEnded(let end) = outcome { return foundEnded(end, before: operation, at: now) }
        if operation.holdsPermit { actions.append(.releaseStart) }
        switch (operation.action, outcome) {
        case (.recover, .up(let identity, let remark)), (.restart, .up(let identity, let remark)):
            cameUp(identity, remark, after: operation, at: now)
        case (.stop, .down): wentDown(after: operation, at: now)
        case (.stop, .downLeaving(let remnants)): wentDown(remnants, after: operation, at: now)
        case (.recover, .down), (.restart, .down), (.recover, .downLeaving), (.restart, .downLeaving):
            failed("it went down again", isPermanent: false, after: operation, at: now)
        case (.stop, .up): failed("it is still running", isPermanent: false, after: operation, at: now)
        case (_, .foundEnded): break  // above
        case (_, .blocked(let reason)): blocked(reason, after: operation, at: now)
        case (_, .overruled(let reason)): overruled(reason, after: operation, at: now)
        case (_, .failed(let reason, let isPermanent)):
            failed(reason, isPermanent: isPermanent, after: operation, at: now)
        }
    }

    private mutating func cameUp(
        _ identity: Identity, _ remark: String?, after operation: Operation, at now: BootInstant
    ) {
        life = identity
        concern = nil
        state = .starting(Trial(settles: now.advanced(by: Self.settleTime), command: operation.command))
        let tail = remark.map { "; \($0)" } ?? ""
        tell(
            .warning, "is starting\(words(for: identity))\(tail)",
            .init(kind: .started, pid: pid, attempt: attempt), at: now)
        // What was seen while the action ran counts only if it is about this new life.
        guard let latest = operation.latest else { return }
        switch latest.liveness {
        case .alive(let seen) where seen == identity: observed(latest, at: now)
        case .unhealthy(let seen, _) where seen == identity: observed(latest, at: now)
        case .dead(let end) where end.identity == identity: observed(latest, at: now)
        case .alive, .unhealthy, .dead, .missing, .undetermined, .handledElsewhere: break
        }
    }

    /// A death that nobody had seen yet when the action began: told like any other, and then the action goes on.
    private mutating func foundEnded(_ end: End, before operation: Operation, at now: BootInstant) {
        tellEndBefore(operation.action, by: operation.command, end, at: now)
        switch operation.action {
        case .stop: wentDown(after: operation, at: now)
        case .recover, .restart:
            state = .operating(
                Operation(
                    action: .recover, before: nil, wasUnhealthy: false, command: operation.command, hindrance: nil,
                    holdsPermit: operation.holdsPermit))
            actions.append(.perform(.recover))
        }
    }

    private mutating func wentDown(_ remnants: String? = nil, after operation: Operation, at now: BootInstant) {
        let tail = remnants.map { "; \($0)" } ?? ""
        wasEnded(operation.before, operation.latest?.end)
        state = .exited(.held)
        let event = HeartbeatEvent(kind: .stopped, pid: operation.before?.pid.map(Int.init))
        tell(.shutdown, "was stopped by \(words(for: operation.command))\(tail)", event, at: now)
        resolve(operation.command, .completed, "\(target.agent) is stopped\(tail)")
    }

    /// An action ended the life that it began with; what is told of the action tells that end, so that the next runner
    /// must not take it for the end of another life.
    mutating func wasEnded(_ before: Identity?, _ end: End?) {
        life = nil
        if let end, end.cause != .unknown {
            toldEnd = end
        } else if before != nil, toldEnd?.identity != before {
            // Nobody wants to hear later how it came to what was ordered.
            toldEnd = nil
        }
    }

    private mutating func overruled(_ reason: String, after operation: Operation, at now: BootInstant) {
        resolve(operation.command, .failed, "not carried out: \(reason)")
        let end = operation.latest?.end ?? toldEnd
        life = nil
        state = .exited(.ended(end?.identity))
        tell(.shutdown, "stays down: \(reason)", .init(kind: .stopped), at: now)
        // It may live all the same.
        if case .alive? = operation.latest?.liveness, let latest = operation.latest { observed(latest, at: now) }
    }

    /// Nothing was begun: no try, no failure, and looked at again soon.
    private mutating func blocked(_ reason: String, after operation: Operation, at now: BootInstant) {
        // What was to be restarted may live; what a command asked for has an end.
        guard operation.action == .recover, settings.policy != .never, operation.command == nil else {
            failed(reason, isPermanent: false, after: operation, at: now)
            return
        }
        window.withdrawLast()
        life = nil
        let due = now.advanced(by: Self.hindranceTime * (0.8 + 0.4 * jitter.next()))
        state = .backoff(Plan(action: .recover, due: due, isByPolicy: true, hindrance: reason))
        if operation.hindrance != reason {
            let seconds = Self.hindranceTime.wholeMilliseconds / 1000
            tell(
                .error, "can't be restarted yet: \(reason); tried again every \(seconds) s",
                .init(kind: .restartFailed, attempt: attempt), at: now)
        }
        if let latest = operation.latest { doubted(latest, at: now) }
    }

    /// Deaths told by the source itself are known; doubt is not: lets it speak first.
    private mutating func doubted(_ latest: Observation, at now: BootInstant) {
        switch latest.liveness {
        case .undetermined, .handledElsewhere: observed(latest, at: now)
        case .alive, .unhealthy, .dead, .missing: break
        }
    }

    private mutating func failed(
        _ reason: String, isPermanent: Bool, after operation: Operation, at now: BootInstant
    ) {
        resolve(operation.command, .failed, reason)
        switch operation.action {
        case .stop:
            // It is held all the same: should it end now, it stays down.
            resume(from: operation, at: now)
            note(statusAfterFailure(of: operation), "could not be stopped: \(reason)")
        case .recover, .restart:
            let isAlive =
                switch operation.latest?.liveness {
                case .alive, .unhealthy: true
                case .dead, .missing: false
                case .undetermined, .handledElsewhere: false
                case nil: life != nil
                }
            if isAlive, operation.command == nil, !isPermanent, isUnhealthyStill(operation.latest) {
                attempt += 1
                let due = now.advanced(by: backoffDelay())
                state = .backoff(Plan(action: .restart, due: due, command: nil, isByPolicy: true))
                tellPlan("could not be restarted: \(reason)", .restartFailed, due: due, at: now)
                tellCrashLoop(at: now)
            } else if isAlive {
                tell(
                    operation.wasUnhealthy ? .error : .warning, "could not be restarted: \(reason)",
                    .init(kind: .restartFailed), at: now)
                resume(from: operation, at: now)
            } else if isPermanent || settings.policy == .never {
                wasEnded(operation.before, operation.latest?.end)
                state = .exited(.notRestartable(operation.before))
                tell(.error, "could not be restarted: \(reason)", .init(kind: .restartFailed), at: now)
            } else if let latest = operation.latest, let end = newEnd(latest, after: operation),
                !end.isDeliberate, !settings.policy.restarts(after: end)
            {
                // It could be started. One that was stopped may have been stopped by the action that failed.
                leaveDown(after: end, latest, isTold: false, at: now)
            } else {
                wasEnded(operation.before, operation.latest?.end)
                attempt += 1
                let due = now.advanced(by: backoffDelay())
                let message = "could not be restarted: \(reason)"
                state = .backoff(Plan(action: .recover, due: due, command: nil, isByPolicy: true))
                tellPlan(message, .restartFailed, due: due, at: now)
                tellCrashLoop(cameUp: false, at: now)
                if let latest = operation.latest { doubted(latest, at: now) }
            }
        }
    }

    /// How a life ended that began with the action.
    private func newEnd(_ latest: Observation, after operation: Operation) -> End? {
        guard let end = latest.end, let life = end.identity, life != operation.before, life != toldEnd?.identity else {
            return nil
        }
        return end
    }

    /// It was to be restarted by policy, which only happens to what is unhealthy; nothing better was seen since.
    private func isUnhealthyStill(_ latest: Observation?) -> Bool {
        guard settings.policy.restartsUnhealthy, !isHeld else { return false }
        return switch latest?.liveness {
        case nil, .unhealthy: true
        case .alive, .dead, .missing, .undetermined, .handledElsewhere: false
        }
    }

    /// Unless something newer was seen, it is as it was.
    private func statusAfterFailure(of operation: Operation) -> HeartbeatStatus {
        operation.wasUnhealthy && operation.latest == nil ? .error : report.status
    }

    /// Goes back to what was last seen, as if it were seen now for the first time since the action began.
    private mutating func resume(from operation: Operation, at now: BootInstant) {
        state = life == nil ? .exited(.held) : .running(since: life?.began ?? now)
        if let latest = operation.latest { observed(latest, at: now) }
    }
}

import WireProtocol

// What a person on the host wants of it beside commands, in every state.
extension TargetStateMachine {
    /// A restart that only the policy wants waits for the end of a pause.
    func isHeldBack(_ plan: Plan) -> Bool { pause != nil && plan.command == nil }

    mutating func paused(_ pause: Pause, for key: CommandKey?, at now: BootInstant) {
        self.pause = pause
        let words = "is paused \(pause.words(at: now))"
        resolve(key, "\(target.agent) \(words): it is watched and reported, and not restarted")
        switch state {
        case .running: tellUp(kind: .paused, "is up", at: now)
        case .backoff(let plan) where plan.command == nil, .queued(let plan) where plan.command == nil:
            withdrawStart()
            state = .backoff(plan)
            tell(.error, "\(trouble(plan)), and \(words): it is not restarted", .init(kind: .paused), at: now)
        case .unseen, .starting, .backoff, .queued, .operating, .interrupted, .exited, .undetermined,
            .handledElsewhere:
            tellAside(words, .paused)
        }
    }

    mutating func resumed(for key: CommandKey?, at now: BootInstant) {
        guard pause != nil else {
            guard isHeld else { return resolve(key, "\(target.agent) was not paused") }
            return release(for: key, at: now)
        }
        pause = nil
        let tail = isHeld ? "; a stop command holds it still" : ""
        resolve(key, "\(target.agent) is not paused any more\(tail)")
        switch state {
        case .running: tellUp(kind: .resumed, "is up", at: now)
        case .backoff(var plan) where plan.command == nil:
            plan.due = max(plan.due, now)
            state = .backoff(plan)
            tellPlan("\(trouble(plan)), and not paused any more", .resumed, due: plan.due, at: now)
            startIfDue(plan, at: now)
        case .unseen, .starting, .backoff, .queued, .operating, .interrupted, .exited, .undetermined,
            .handledElsewhere:
            tellAside("is not paused any more", .resumed)
        }
    }

    /// Ends what a `stop` command holds. It was stopped on purpose: only `always` starts it for that.
    private mutating func release(for key: CommandKey?, at now: BootInstant) {
        isHeld = false
        guard case .exited = state else {
            resolve(key, "\(target.agent) is not held any more")
            return tellAside("is not held by a stop command any more", .resumed)
        }
        guard settings.policy == .always, obstacle == nil else {
            resolve(key, "\(target.agent) is not held any more; it is down, and starts with a restart")
            state = .exited(.ended(toldEnd?.identity))
            return tell(
                .shutdown, "is stopped, and not held any more: it is supervised from its next start",
                .init(kind: .resumed), at: now)
        }
        resolve(key, "\(target.agent) is not held any more; it is started")
        attempt = 1
        plan(.recover, "is not held by a stop command any more", .resumed, due: now, at: now)
    }

    private func trouble(_ plan: Plan) -> String { plan.action == .restart ? "is unhealthy" : "is down" }

    private mutating func resolve(_ key: CommandKey?, _ message: String) {
        guard let key else { return }
        actions.append(.resolve(key, CommandResult(status: .completed, message: message)))
    }
}

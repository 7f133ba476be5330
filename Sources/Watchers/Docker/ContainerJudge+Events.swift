import Supervision

// What the events of the stream come to.
extension ContainerJudge {
    /// Whether this event is about this target.
    package func concerns(_ event: DockerEvent) -> Bool {
        event.name == name || event.formerName == name || (!event.container.isEmpty && event.container == facts?.id)
            || facts == nil && event.container.hasPrefix(name)
    }

    /// Takes an event that concerns this target.
    package mutating func heard(_ event: DockerEvent, _ origin: Origin = .live) -> Hint {
        switch event.action {
        case .killed(let signal):
            if let signal, mayBeAPerson(origin), let at = event.at {
                requests.add(signal, to: event.container, at: at)
            }
            return .nothing
        case .stopped:
            if mayBeAPerson(origin), let at = event.at { requests.add(nil, to: event.container, at: at) }
            return .look
        case .removed:
            removed(event)
            return .look
        case .renamed:
            if facts?.id == event.container { newName = event.name == name ? nil : event.name }
            return .look
        case .outOfMemory:
            if facts?.id == event.container { outOfMemory = facts?.identity }
            return .nothing
        case .changed: return .look
        case .died(let exitCode):
            guard origin != .pastOfReturnedEngine, let observation = died(event, exitCode, origin) else { return .look }
            return .dead(observation)
        }
    }

    /// An engine without live-restore ends what had run on without it, and goes on with that while it is asked already:
    /// what was not seen alive since its return was not stopped by a person.
    private func mayBeAPerson(_ origin: Origin) -> Bool {
        origin == .past || (origin == .live && (seenAlive != nil || heldUntil == nil))
    }

    /// Docker itself removes only what has no restart policy (`--rm`); what waited for its policy was removed without
    /// a signal.
    private mutating func removed(_ event: DockerEvent) {
        guard let facts, facts.id == event.container, facts.restartPolicy != nil, stopped == nil,
            end?.told.identity != facts.identity
        else { return }
        stopped = End(
            of: known(facts.identity), exitCode: facts.exitCode, isDeliberate: true,
            error: "it was removed (docker rm)")
    }

    private mutating func died(_ event: DockerEvent, _ exitCode: Int32?, _ origin: Origin) -> Observation? {
        guard let facts, facts.status == .running, facts.id == event.container, let identity = facts.identity,
            let began = facts.startedAt, let at = event.at, at > began
        else { return nil }
        // An engine that is told to end asks its containers to stop first, as a person does: but it answers nobody
        // meanwhile, so it is the reading that tells them apart.
        guard !requests.explain(facts, diedAt: at) else {
            stopped = End(of: identity, exitCode: exitCode, isDeliberate: true)
            return nil
        }
        guard facts.restartPolicy != nil else {
            return origin == .live && identity == seenAlive ? died(identity, exitCode) : nil
        }
        guard let exitCode, facts.restartsItself(after: exitCode) else { return nil }
        // Soon it runs again, and nobody can tell any more.
        let wasOutOfMemory = outOfMemory == identity
        left = End(of: identity, exitCode: exitCode, wasOutOfMemory: wasOutOfMemory)
        guard origin == .live, identity == seenAlive, wasOutOfMemory || exitCode != Self.killedExitCode else {
            return nil
        }
        hasEnded(exitCode)
        return leftToPolicy(facts, exitCode: exitCode)
    }

    private mutating func died(_ identity: Identity, _ exitCode: Int32?) -> Observation {
        // 137 is also what the kernel's out-of-memory killer leaves: the reading knows.
        let isClear = exitCode != Self.killedExitCode && outOfMemory != identity
        let told = End(of: identity, exitCode: isClear ? exitCode : nil)
        end = (told, isRead: false)
        hasEnded(exitCode)
        return Observation(.dead(told), grace: told.cause == .unknown ? Self.readingGrace : .zero)
    }

    private mutating func hasEnded(_ exitCode: Int32?) {
        facts?.status = .exited
        facts?.exitCode = exitCode ?? 0
        seenAlive = nil
        memory = nil
    }

    private static let killedExitCode: Int32 = 137
}

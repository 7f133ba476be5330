package import Supervision

/// Says what is to be thought of one container, from what the engine told: a value, without I/O and clock.
///
/// Events are hints, and what is read after them is the truth. One event is taken at its word: the `die` of the very life
/// that was last read as running says what the next reading would say, a program start earlier.
package struct ContainerJudge: Sendable {
    /// How long an ended container with a restart policy of its own is left to the engine.
    package static let ownPolicyPatience = Duration.seconds(10)
    /// How long what ended with the engine is left to it after its return.
    package static let enginePatience = Duration.seconds(15)
    /// How long an end may stay unexplained: the reading that explains it is on its way.
    static let readingGrace = Duration.seconds(2)

    /// What a reading comes to.
    package struct Judgement: Sendable, Hashable {
        package var observation: Observation
        /// When it is to be read again, though nothing may happen.
        package var again: BootInstant?
    }

    /// What an event comes to.
    package enum Hint: Sendable, Hashable {
        case nothing
        /// It is to be read.
        case look
        /// The same, and this much is known already.
        case dead(Observation)
    }

    /// When an event was heard of.
    package enum Origin: Sendable, Hashable {
        /// As it happened.
        case live
        /// It is from before the connection, and only explains.
        case past
        /// The same, of an engine that was away: what it did on its return looks like a person's doing.
        case pastOfReturnedEngine
    }

    /// As the target's name gives it.
    package let name: String
    /// As last read; nil when there is none, or nothing was read yet.
    package internal(set) var facts: ContainerFacts?
    var requests = StopRequests()
    /// The life that was last seen, with its PID.
    var lastLife: Identity?
    /// The life that was read as running, or as waiting for its restart policy, since the engine last came back.
    var seenAlive: Identity?
    /// The life whose process the kernel ran out of memory for.
    var outOfMemory: Identity?
    /// How the last life ended, and whether a reading has told it.
    var end: (told: End, isRead: Bool)?
    /// The end that somebody asked for, as an event told it, until the engine has answered since.
    var stopped: End?
    /// How the last life ended that was left to its own restart policy.
    var left: End?
    /// What the container is called that had this name.
    var newName: String?
    /// Since when it is down, without the engine being at it.
    private var downSince: BootInstant?
    /// Until when the engine's own policies have time after its return.
    var heldUntil: BootInstant?
    /// Nothing was read yet since the engine's return.
    private var isReturning = false
    /// The life that was found ended on the engine's return.
    private var endedWithEngine: Identity?
    /// Of the life that was last seen.
    var memory: Double?

    package init(name: String) {
        self.name = name
    }

    // MARK: - The engine

    /// The stream of events ended: what happens now may be the engine's own end.
    package mutating func streamWasLost() {
        seenAlive = nil
        memory = nil
    }

    /// The engine could not be asked: what was to end, and was not read as ended yet, ends with it.
    package mutating func engineWasLost() {
        streamWasLost()
        requests = StopRequests()
        stopped = nil
    }

    package mutating func engineIsBack(at now: BootInstant) {
        heldUntil = now.advanced(by: Self.enginePatience)
        isReturning = true
    }

    // MARK: - Readings

    /// What its memory is, measured beside the engine.
    package mutating func measured(memoryMB: Double?) { memory = memoryMB }

    /// The living target as it was last read, with its memory as last measured; nil when it is not running.
    package var aliveNow: Observation? {
        guard let facts, facts.status == .running, let identity = facts.identity, identity == seenAlive else {
            return nil
        }
        return alive(facts, identity)
    }

    /// - Parameter reading: nil when there is no such container.
    package mutating func read(_ reading: ContainerFacts?, at now: BootInstant) -> Judgement {
        if reading?.identity != facts?.identity { memory = nil }
        facts = reading
        defer {
            isReturning = false
            // It goes on being removed.
            if reading?.status != .removing { stopped = nil }
        }
        guard let reading else {
            downSince = nil
            if let newName {
                let words = "the container was renamed to \(EngineWords.firstLine(of: newName))"
                return doubtful("there is no container named \(name); \(words)")
            }
            // Removed as soon as it was stopped.
            if let stopped { return Judgement(observation: Observation(.dead(stopped)), again: now) }
            return Judgement(
                observation: Observation(
                    .missing("is missing: there is no container of that name"),
                    obstacle: "there is no container of that name any more"))
        }
        newName = nil
        switch reading.status {
        case .running:
            downSince = nil
            guard let identity = reading.identity else { return doubtful("runs, and its start is not told") }
            seenAlive = identity
            lastLife = identity
            return Judgement(observation: alive(reading, identity))
        case .paused:
            downSince = nil
            seenAlive = reading.identity
            return Judgement(observation: Observation(.handledElsewhere("is paused (docker pause)")))
        case .restarting:
            downSince = nil
            seenAlive = reading.identity
            left = explained(reading, isDeliberate: false)
            return Judgement(observation: leftToPolicy(reading, exitCode: reading.exitCode))
        case .removing: return Judgement(observation: Observation(.handledElsewhere("is being removed")))
        case .created: return neverStarted(reading)
        case .exited: return exited(reading, at: now)
        case .other(let word): return doubtful("is in a state of which nothing is known here: \(word.prefix(40))")
        }
    }

    private func doubtful(_ words: String) -> Judgement { Judgement(observation: Observation(.undetermined(words))) }

    func leftToPolicy(_ facts: ContainerFacts, exitCode: Int32) -> Observation {
        let policy = facts.restartPolicy.map { " (\($0))" } ?? ""
        return Observation(
            .handledElsewhere("ended with exit \(exitCode), and is being restarted by its own restart policy\(policy)"),
            former: left)
    }

    private func alive(_ reading: ContainerFacts, _ identity: Identity) -> Observation {
        guard reading.health == "unhealthy" else {
            let concern = reading.health == "starting" ? "its health check has not passed yet" : nil
            return Observation(.alive(identity), memoryMB: memory, concern: concern, former: left)
        }
        let output = reading.healthOutput.map { EngineWords.firstLine(of: $0) } ?? ""
        let reason = "its health check fails" + (output.isEmpty ? "" : ": \(output)")
        return Observation(.unhealthy(identity, reason), memoryMB: memory, former: left)
    }

    /// Made, and never started: by `docker create`, or again after it was removed. Whoever made it has not started it.
    private func neverStarted(_ reading: ContainerFacts) -> Judgement {
        var end = End(identity: nil, cause: .unknown, isDeliberate: true)
        end.detail =
            reading.error.map { "its start failed: \(EngineWords.firstLine(of: $0))" }
            ?? "it was made and not started yet"
        return Judgement(observation: Observation(.dead(end)))
    }

    private mutating func exited(_ reading: ContainerFacts, at now: BootInstant) -> Judgement {
        let identity = reading.identity
        let known = end.flatMap { $0.told.identity == identity ? $0 : nil }
        if let known, known.isRead { return Judgement(observation: Observation(.dead(known.told))) }
        let isDeliberate =
            known?.told.isDeliberate == true || requests.explain(reading, diedAt: reading.finishedAt)
        if isReturning, known == nil, !isDeliberate { endedWithEngine = identity }
        if endedWithEngine == identity, let heldUntil, now < heldUntil {
            return Judgement(
                observation: Observation(
                    .undetermined("is down since the Docker engine was away, which may yet start it again")),
                again: heldUntil)
        }
        let since = downSince ?? now
        downSince = since
        let until = since.advanced(by: Self.ownPolicyPatience)
        let told = explained(reading, isDeliberate: isDeliberate)
        let isLeft = reading.restartPolicy != nil && !isDeliberate && now < until
        if isLeft, reading.restartsItself(after: reading.exitCode) {
            left = told
            let policy = reading.restartPolicy ?? ""
            let words = "ended with exit \(reading.exitCode), and is left to its own restart policy (\(policy)) first"
            return Judgement(observation: Observation(.handledElsewhere(words), former: told), again: until)
        }
        seenAlive = nil
        end = (told, isRead: true)
        return Judgement(
            observation: Observation(.dead(told), grace: isLeft ? now.duration(to: until) : .zero))
    }

    /// Equal lives; what has ended has no PID any more.
    func known(_ identity: Identity?) -> Identity? { lastLife == identity ? lastLife : identity }

    private func explained(_ reading: ContainerFacts, isDeliberate: Bool) -> End {
        let identity = known(reading.identity)
        guard endedWithEngine != reading.identity else {
            return End(
                of: identity, exitCode: nil, isDeliberate: isDeliberate,
                error: "it ended while the Docker engine was away")
        }
        return End(
            of: identity, exitCode: reading.exitCode, wasOutOfMemory: reading.wasOutOfMemory,
            isDeliberate: isDeliberate, error: reading.error.map { EngineWords.firstLine(of: $0) })
    }
}

import Logging
import Supervision
import SystemSupport

// The stream of events: how it is kept up, and what is done after it was not.
extension DockerWatcher {
    private static let longestLine = 65536
    /// The engine keeps the last 256 events or so: asking for more gives no more.
    private static let longestBacklog = Duration.seconds(3600)
    /// A stream that held this long was no failed attempt.
    private static let steady = Duration.seconds(10)

    /// Keeps a stream up until cancelled.
    func stayConnected() async {
        var backoff = EngineBackoff()
        while !Task.isCancelled {
            let began = clock.now
            await connection()
            if began.duration(to: clock.now) >= Self.steady { backoff.reset() }
            // Told already if the engine is away; a stream alone may end, and is begun again at once.
            if failure != nil || began.duration(to: clock.now) < Self.steady {
                try? await clock.sleep(until: clock.now.advanced(by: backoff.delay()), tolerance: nil)
            }
        }
    }

    /// One stream, from its begin to its end.
    private func connection() async {
        if let problem = cli.problem { return engineFailed(problem) }
        let now = EngineTime(nanosecondsSince1970: WallTime.now.sinceEpoch.nanoseconds)
        // Not later than now, whatever an event said of its time.
        let earliest = now.nanosecondsSince1970 - Self.longestBacklog.nanoseconds
        let since = min(newestEvent ?? EngineTime(nanosecondsSince1970: earliest), now)
        guard let backlog = cli.backlog(from: since, to: now), let events = cli.events(since: now) else {
            return
        }
        expectAnswer()
        // What happened before only explains: it is heard before anything is judged by it.
        let result = await runner.run(backlog)
        switch result.end {
        // With an engine whose clock is behind, the time is not over yet.
        case .exited(0), .timedOut, .tooMuchOutput: break
        case .cancelled: return
        case .exited, .signalled, .notStarted:
            return engineFailed(EngineFailure.words(for: result, program: cli.program))
        }
        let origin: ContainerJudge.Origin = failure == nil ? .past : .pastOfReturnedEngine
        for line in result.output.split(separator: UInt8(ascii: "\n")) { hear(.text(Array(line)), origin) }
        isConnected = true
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.follow(events) }
            group.addTask { await self.failureSignal.wait() }
            await self.readAfterReturn()
            await group.next()
            group.cancelAll()
        }
        isConnected = false
    }

    /// The truth of all targets, with the stream already begun so that nothing falls between.
    private func readAfterReturn() async {
        failure = nil
        if hasBeenConnected {
            let now = clock.now
            for target in targets { judges[target]?.engineIsBack(at: now) }
        }
        await read(targets)
        if failure == nil { hasBeenConnected = true }
    }

    private func follow(_ events: ProgramCall) async {
        let result = await runner.follow(events, longestLine: Self.longestLine) { [weak self] line in
            await self?.hear(line)
        }
        logger.debug("Docker's stream of events ended", metadata: ["end": "\(result.end)"])
        for target in targets { judges[target]?.streamWasLost() }
    }

    /// Takes one line of the stream.
    func hear(_ line: OutputLine, _ origin: ContainerJudge.Origin = .live) {
        // The engine drops events for who is slow to take them. A reading at once would judge a stop before it is heard.
        if line == .paused { rereadSoon() }
        guard case .text(let text) = line, let event = DockerEvent(parsing: text) else { return }
        if let at = event.at, newestEvent.map({ $0 < at }) ?? true { newestEvent = at }
        for target in targets {
            guard judges[target]?.concerns(event) == true else { continue }
            switch judges[target]?.heard(event, origin) {
            case .dead(let observation): tellDeath(target, observation)
            case .look: if origin == .live { want(target) }
            case .nothing, nil: break
            }
        }
    }
}

extension Duration {
    fileprivate var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : product + attoseconds / 1_000_000_000
    }
}

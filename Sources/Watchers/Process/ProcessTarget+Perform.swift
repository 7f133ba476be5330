import Glibc
import Logging
import Supervision
import SystemPackage
import SystemSupport
import WatcherAPI

/// Starting and stopping.
extension ProcessTarget {
    /// How long SIGTERM and then SIGKILL may take.
    private static let patience = Duration.seconds(10)
    /// How long what is left of a stopped process may take to end too, before it is told.
    private static let remnantPatienceAfterStop = Duration.seconds(1)

    func perform(_ action: TargetAction, startMade: @Sendable () -> Void) async -> TargetActionOutcome {
        await load()
        listen()
        defer { rest() }
        defer { hints.raise(.changed) }
        let outcome =
            switch action {
            case .recover: await launch(startMade)
            case .restart: await restart(startMade)
            case .stop: await stop()
            }
        // What it has become, a daemon or a twin perhaps. Nobody may be observing who would write it down.
        _ = await save()
        return outcome
    }

    private func restart(_ startMade: @Sendable () -> Void) async -> TargetActionOutcome {
        switch await lookAfresh(.reread).liveness {
        case .undetermined(let reason), .handledElsewhere(let reason): return .failed(reason, isPermanent: false)
        case .dead(let end): return .foundEnded(end)
        case .missing: return await launch(startMade)
        case .alive, .unhealthy:
            // What can't be started again is not stopped either.
            do {
                _ = try plan()
            } catch {
                return error.outcome
            }
            if let hindrance = await hindranceOnceEnded() { return .blocked(hindrance) }
            // Written again although it is there: what is started is to be written down as well.
            guard await save(always: true) else {
                let cause = saveProblem.map { ": \($0)" } ?? ""
                return .failed("what is needed to start it again could not be saved\(cause)", isPermanent: false)
            }
            // Awaited at once: a task of its own only so that our cancellation does not end it between stop and start.
            let started = await Task {
                if let failure = await self.end() { return Started.ended(failure) }
                return await self.begin()
            }.value
            return await finish(started, startMade)
        }
    }

    /// Why it could not be started again if it ended now. What names it may be in the middle of being written: it has its time.
    private func hindranceOnceEnded() async -> String? {
        guard finder.hindranceOnceEnded(known) != nil else { return nil }
        try? await host.clock.sleep(for: PIDFile.settleTime)
        _ = look(.fileSettled)
        return finder.hindranceOnceEnded(known)
    }

    private func stop() async -> TargetActionOutcome {
        // With its children as they are now: some may outlive it.
        switch await lookAfresh(.reread).liveness {
        case .undetermined(let reason), .handledElsewhere(let reason): return .failed(reason, isPermanent: false)
        case .dead(let end): return .foundEnded(end)
        case .missing: return .down
        case .alive, .unhealthy:
            // Awaited at once: a task of its own only so that our cancellation does not end it between the signals.
            return await Task {
                if let failure = await self.end() { return failure }
                return await self.remnants().map { .downLeaving($0) } ?? .down
            }.value
        }
    }

    /// What of the life that was just ended goes on living, in words.
    private func remnants() async -> String? {
        let left = await livingRemnants(patience: Self.remnantPatienceAfterStop).map { "\($0.pid)" }
        guard let last = left.last else { return nil }
        guard left.count > 1 else { return "process \(last), which belonged to it, still runs" }
        return "processes \(left.dropLast().joined(separator: ", ")) and \(last), which belonged to it, still run"
    }

    /// Ends the life that is held, and sees it ended.
    ///
    /// - Returns: the failure, if it is one.
    private func end() async -> TargetActionOutcome? {
        // The look has just verified the identity through this handle.
        guard let handle = life?.handle else { return nil }
        isStopping = true
        for signal in [SIGTERM, SIGKILL] {
            do {
                try handle.send(signal)
            } catch .noSuchProcess {
                return nil
            } catch {
                isStopping = false
                return .failed(
                    "process \(handle.pid) can't be signalled: \(error)", isPermanent: error == .notPermitted)
            }
            if await hasEnded(handle, within: Self.patience) { return nil }
        }
        isStopping = false
        return .failed("process \(handle.pid) has not ended \(Self.patience) after SIGKILL", isPermanent: false)
    }

    /// Waits for the end of a process, or for the time to pass.
    func hasEnded(_ handle: ProcessHandle, within limit: Duration) async -> Bool {
        let clock = host.clock
        let loop = host.loop
        await withTaskGroup { group in
            group.addTask {
                do {
                    try await handle.waitForEnd(on: loop)
                } catch {
                    // No place to wait: then the time decides alone.
                    try? await clock.sleep(for: limit)
                }
            }
            group.addTask { try? await clock.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
        return !handle.isAlive
    }
}

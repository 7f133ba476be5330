package import Supervision
import SystemSupport

// What is done to a service, and what came of it.
extension Launchctl {
    /// How long launchd may take to tell what it has done.
    private static let settling = Duration.seconds(2)
    private static let firstPause = Duration.milliseconds(20)

    /// Carries out one action and sees what came of it.
    ///
    /// - Parameter path: the property list it was last seen loaded from.
    package func perform(
        _ action: TargetAction, on service: LaunchdService, path: String?
    ) async -> TargetActionOutcome {
        let before = await print(service)
        switch (action, before) {
        case (_, .unclear(let reason)): return .failed(reason, isPermanent: false)
        case (.stop, .notLoaded): return .down
        case (.stop, .loaded(let facts)): return await stop(service, facts)
        case (_, .notLoaded):
            guard let path else {
                return .failed("launchd has not loaded it: launchctl bootstrap it once", isPermanent: true)
            }
            if let failure = Self.failure(await bootstrap(service, from: path), "bootstrap") { return failure }
            return await up(service, after: "kickstart", await kickstart(service))
        case (.recover, .loaded(let facts)):
            if let pid = facts.pid { return .up(LaunchdJudge.identity(pid, facts), note: nil) }
            return await up(service, after: "kickstart", await kickstart(service))
        case (.restart, .loaded(let facts)):
            let former = facts.pid.map { LaunchdJudge.identity($0, facts) }
            return await up(
                service, after: "kickstart -k", await kickstart(service, restart: true), otherThan: former)
        }
    }

    /// What is kept alive comes back after a signal: only taking it out of launchd stops it.
    private func stop(_ service: LaunchdService, _ facts: LaunchctlPrint) async -> TargetActionOutcome {
        guard !facts.isKeptAlive else {
            if let failure = Self.failure(await bootout(service), "bootout") { return failure }
            return await down(service, within: Self.settling) ?? Self.stillRuns
        }
        guard facts.pid != nil else { return .down }
        for (signal, time) in [("SIGTERM", patience), ("SIGKILL", Self.settling)] {
            let result = await kill(service, signal: signal)
            // What has ended by itself meanwhile can't be signalled, and that is what was wanted.
            if let outcome = await down(service, within: result.end == .exited(0) ? time : .zero) { return outcome }
            if let failure = Self.failure(result, "kill") { return failure }
        }
        return Self.stillRuns
    }

    private static let stillRuns = TargetActionOutcome.failed(
        "it still runs after launchd was told to end it", isPermanent: false)

    /// - Returns: nil while it runs.
    private func down(_ service: LaunchdService, within time: Duration) async -> TargetActionOutcome? {
        let answer = await look(at: service, for: time) { answer in
            if case .loaded(let facts) = answer { facts.pid == nil } else { true }
        }
        return switch answer {
        case .notLoaded: .down
        case .loaded(let facts): facts.pid == nil ? .down : nil
        case .unclear(let reason): .failed(reason, isPermanent: false)
        }
    }

    private func up(
        _ service: LaunchdService, after command: String, _ result: ProgramResult, otherThan former: Identity? = nil
    ) async -> TargetActionOutcome {
        if let failure = Self.failure(result, command) { return failure }
        let answer = await look(at: service, for: Self.settling) { $0.life != nil && $0.life != former }
        guard let life = answer.life else {
            return .failed("launchd took it, and it does not run", isPermanent: false)
        }
        guard life != former else { return .failed("it was not restarted", isPermanent: false) }
        return .up(life, note: nil)
    }

    /// Reads until it is as it should be, with growing pauses: launchd tells nobody when it has noticed something.
    private func look(
        at service: LaunchdService, for time: Duration, until isSettled: (LaunchctlAnswer) -> Bool
    ) async -> LaunchctlAnswer {
        let end = clock.now.advanced(by: time)
        var pause = Self.firstPause
        while true {
            let answer = await print(service)
            let now = clock.now
            guard !isSettled(answer), now < end else { return answer }
            try? await clock.sleep(until: min(now.advanced(by: pause), end), tolerance: nil)
            pause = min(pause * 2, .seconds(1))
        }
    }

    private static func failure(_ result: ProgramResult, _ command: String) -> TargetActionOutcome? {
        let words =
            String(decoding: result.errorOutput.prefix(300), as: UTF8.self)
            .split(whereSeparator: \.isNewline).first.map { ": \($0.trimmed)" } ?? ""
        return switch result.end {
        case .exited(0): nil
        case .exited(let code): .failed("launchctl \(command) failed with \(code)\(words)", isPermanent: false)
        case .notStarted(let reason): .failed("launchctl can't be run: \(reason)", isPermanent: false)
        case .signalled, .timedOut, .tooMuchOutput, .cancelled:
            .failed("launchctl \(command) did not end well: \(result.end)", isPermanent: false)
        }
    }
}

extension LaunchctlAnswer {
    fileprivate var life: Identity? {
        guard case .loaded(let facts) = self, let pid = facts.pid else { return nil }
        return LaunchdJudge.identity(pid, facts)
    }
}

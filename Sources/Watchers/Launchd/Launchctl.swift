package import Supervision
package import SystemPackage
package import SystemSupport

/// The commands that are given to launchd: fixed arguments, no shell.
package struct Launchctl: Sendable {
    private static let deadline = Duration.seconds(10)
    /// A start returns when the program runs; a stop waits for the exit timeout, 20 s if none is set (launchd.plist(5)).
    private static let actionDeadline = Duration.seconds(30)

    private let program: FilePath
    private let commands: any CommandRunner

    package init(program: FilePath = "/bin/launchctl", commands: any CommandRunner) {
        self.program = program
        self.commands = commands
    }

    package func print(_ service: LaunchdService) async -> LaunchctlAnswer {
        LaunchctlAnswer(await run(["print", "\(service)"], Self.deadline))
    }

    package func isDisabled(_ service: LaunchdService) async -> Bool {
        let result = await run(["print-disabled", service.domain], Self.deadline)
        return result.end == .exited(0) && LaunchctlDisabled.holds(service.label, in: result.output)
    }

    /// Starts what is loaded and down; with `restart`, ends it before.
    package func kickstart(_ service: LaunchdService, restart: Bool = false) async -> ProgramResult {
        await run(["kickstart"] + (restart ? ["-k"] : []) + ["\(service)"], Self.actionDeadline)
    }

    /// Loads a service from its property list, which starts it if that says so.
    package func bootstrap(_ service: LaunchdService, from path: String) async -> ProgramResult {
        await run(["bootstrap", service.domain, path], Self.actionDeadline)
    }

    /// Ends it and takes it out of launchd.
    package func bootout(_ service: LaunchdService) async -> ProgramResult {
        await run(["bootout", "\(service)"], Self.actionDeadline)
    }

    package func kill(_ service: LaunchdService, signal: String) async -> ProgramResult {
        await run(["kill", signal, "\(service)"], Self.deadline)
    }

    private func run(_ arguments: [String], _ deadline: Duration) async -> ProgramResult {
        await commands.run(ProgramCall(program, arguments, environment: ["PATH": "/usr/bin:/bin"], deadline: deadline))
    }

    // MARK: - Actions

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
        case (.restart, .loaded):
            return await up(service, after: "kickstart -k", await kickstart(service, restart: true))
        }
    }

    /// What is kept alive comes back after a signal: only taking it out of launchd stops it.
    private func stop(_ service: LaunchdService, _ facts: LaunchctlPrint) async -> TargetActionOutcome {
        guard facts.pid != nil || facts.isKeptAlive else { return .down }
        let result = facts.isKeptAlive ? await bootout(service) : await kill(service, signal: "SIGTERM")
        if let failure = Self.failure(result, facts.isKeptAlive ? "bootout" : "kill") { return failure }
        return switch await print(service) {
        case .notLoaded: .down
        case .loaded(let facts) where facts.pid == nil: .down
        case .loaded: .failed("it still runs after launchd was told to end it", isPermanent: false)
        case .unclear(let reason): .failed(reason, isPermanent: false)
        }
    }

    private func up(
        _ service: LaunchdService, after command: String, _ result: ProgramResult
    ) async -> TargetActionOutcome {
        if let failure = Self.failure(result, command) { return failure }
        guard case .loaded(let facts) = await print(service), let pid = facts.pid else {
            return .failed("launchd took it, and it does not run", isPermanent: false)
        }
        return .up(LaunchdJudge.identity(pid, facts), note: nil)
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

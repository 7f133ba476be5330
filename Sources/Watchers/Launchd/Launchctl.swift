package import SystemPackage
package import SystemSupport

/// The commands that are given to launchd: fixed arguments, no shell.
package struct Launchctl: Sendable {
    /// A start returns when the program runs; a stop waits for the exit timeout, 20 s if none is set (launchd.plist(5)).
    private static let actionDeadline = Duration.seconds(30)

    private let program: FilePath
    private let commands: any CommandRunner
    let clock: BootClock
    let patience: Duration

    /// - Parameter patience: how long an answer may take, and a service that was sent SIGTERM, as everywhere.
    package init(
        program: FilePath = "/bin/launchctl", commands: any CommandRunner, clock: BootClock = BootClock(),
        patience: Duration = .seconds(10)
    ) {
        self.program = program
        self.commands = commands
        self.clock = clock
        self.patience = patience
    }

    package func print(_ service: LaunchdService) async -> LaunchctlAnswer {
        LaunchctlAnswer(await run(["print", "\(service)"], patience))
    }

    package func isDisabled(_ service: LaunchdService) async -> Bool {
        let result = await run(["print-disabled", service.domain], patience)
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
        await run(["kill", signal, "\(service)"], patience)
    }

    private func run(_ arguments: [String], _ deadline: Duration) async -> ProgramResult {
        await commands.run(ProgramCall(program, arguments, environment: ["PATH": "/usr/bin:/bin"], deadline: deadline))
    }
}

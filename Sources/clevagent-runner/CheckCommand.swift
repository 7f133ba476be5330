import ArgumentParser
import Logging
import NIOCore
import RunnerKit
import Supervision
import SystemPackage
import SystemSupport
import SystemdSupport

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Look at every target once, ask the server whether it takes the key, and change nothing.",
        discussion: """
            Takes the flags, the environment and the settings file of start. It may be run beside a runner \
            that is at work, with the same state directory.

            Exit status: 0 when all is well, 1 when something is not, 74 when that can't be written, \
            64 and 78 as start.
            """)

    @OptionGroup var flags: RunnerFlags

    @Flag(help: "Write JSON instead of a table.")
    var json = false

    func run() throws {
        // A reader that is gone is told by write(2).
        Host.ignoreSignals()
        let (options, json) = (flags.options, json)
        try Host.run { try await Self.check(options, json: json, $0, $1, $2) }
    }

    private static func check(
        _ options: RunnerOptions, json: Bool, _ group: any EventLoopGroup, _ loop: SystemSupport.EventLoop,
        _ openFiles: OpenFileLimit
    ) async throws {
        let configuration = try RunnerFlags.resolve(options)
        var logger = Logger(label: "clevagent-runner") { StreamLogHandler.standardError(label: $0) }
        // What is wrong stands in the table.
        logger.logLevel = .error
        for warning in configuration.warnings { Host.complain(warning) }
        for warning in TargetClaims.warnings(configuration) { Host.complain(warning) }
        let registry = makeBuiltInRegistry(configuration, openFileLimit: openFiles, loop: loop)
        let clock = BootClock(sleepingOn: loop)
        async let server = ServerProbe.row(configuration, group: group, clock: clock)
        let seen = await TargetProbe.observations(of: configuration, registry: registry, clock: clock, logger: logger)
        let held = StateProbe.held(in: configuration.stateDirectory)
        let readsJournal = configuration.targets.contains { $0.target.id.kind == .systemd && $0.settings.logTail > 0 }
        let scope: ManagerScope = configuration.systemdScope == .user ? .user : .system
        let report = CheckReport(
            server: await server,
            targets: configuration.targets.map {
                .init($0.target, seen[$0.target.id], isHeld: held.contains($0.target.id))
            }, stateDirectory: StateProbe.row(configuration.stateDirectory),
            journal: readsJournal && !JournalReader.mayRead(scope) ? .unreadableJournal(user: Host.userName) : nil)
        do {
            _ = try FileDescriptor.standardOutput.writeAll(((json ? report.json : report.table) + "\n").utf8)
        } catch {
            Host.complain("what was found can't be written to standard output: \(error)")
            throw ExitCode(74)
        }
        guard report.ok else { throw ExitCode(1) }
    }
}

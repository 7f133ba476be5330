import ArgumentParser
import RunnerKit
import SystemSupport

@main
struct RunnerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clevagent-runner",
        abstract: "Keeps agents, bots and workers alive: sees a death at once, tells the server, brings it back.",
        discussion: """
            Watch a bot by its PID file, and send its heartbeats to a server on this host:

              clevagent-runner --watch process:/run/my-bot.pid \\
                  --endpoint http://127.0.0.1:8080 --api-key-file /etc/clevagent/api-key

            A bot without a PID file is found by its command line: --watch process:my-bot.py

            Nothing in the bot's code changes. It is restarted when it dies, with growing pauses, and \
            never when somebody stopped it on purpose. Run the runner as the bot's own user.
            """,
        version: Runner<BootClock>.version,
        subcommands: [
            StartCommand.self, CheckCommand.self, StatusCommand.self, EventsCommand.self, RestartCommand.self,
            StopCommand.self, PauseCommand.self, ResumeCommand.self, ReloadCommand.self, PolkitCommand.self,
            LaunchCommand.self,
        ],
        defaultSubcommand: StartCommand.self)

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            guard !(error is ExitCode), exitCode(for: error) == .validationFailure else { exit(withError: error) }
            let problem = ConfigurationProblem(misread: message(for: error))
            Host.complain("\(problem); see clevagent-runner --help")
            exit(withError: ExitCode(ConfigurationProblem.exitStatus(for: [problem])))
        }
    }
}

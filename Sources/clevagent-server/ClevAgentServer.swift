import ArgumentParser

@main
struct ClevAgentServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clevagent-server",
        abstract: "Receives heartbeats of agents, tells when one falls silent, and hands restarts to runners.",
        discussion: """
            Without a subcommand it serves on 127.0.0.1:8080 and keeps everything in one SQLite file. The first start \
            makes a project and an API key (in the file api-key of the state directory, readable by you only).

            Start here:
              clevagent-server                          serve on this host
              clevagent-server sign-in                  print a link to the dashboard, good once within 15 minutes
              clevagent-server key create build-bot     print a new API key
              clevagent-server serve --help             all options

            For other hosts, with a proxy that speaks TLS in front:
              clevagent-server --listen 0.0.0.0:8080 --public-url https://agents.example.com

            Every option is also read from the environment: --listen from CLEVAGENT_LISTEN, --state-dir from \
            CLEVAGENT_STATE_DIR, and so on; an option given here wins.

            Exit codes: 0 ended in good order, 64 an option is wrong, 78 the environment, the address or the \
            database cannot be used.
            """,
        subcommands: [ServeCommand.self, SignInCommand.self, KeyCommand.self],
        defaultSubcommand: ServeCommand.self)

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            guard !(error is ExitCode), exitCode(for: error) == .validationFailure else { exit(withError: error) }
            Failure.reportMisreading(message(for: error))
            exit(withError: Failure.usage)
        }
    }
}

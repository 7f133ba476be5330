import ArgumentParser
import ServerDomain

/// The options that find the database; every subcommand takes them.
struct StoreOptions: ParsableArguments {
    @Option(
        name: .customLong("database"),
        help: ArgumentHelp(
            "The database: sqlite:///path/to/file. [CLEVAGENT_DATABASE; default: clevagent.sqlite in the state directory]",
            valueName: "url"))
    var database: String?

    @Option(
        name: .customLong("state-dir"),
        help: ArgumentHelp(
            """
            Where the database and the first key are kept, mode 0700. [CLEVAGENT_STATE_DIR; default: what systemd \
            gives as STATE_DIRECTORY, else /var/lib/clevagent-server as root, else \
            ~/.local/state/clevagent-server]
            """, valueName: "directory"))
    var stateDirectory: String?

    var flags: ConfigurationReader.Flags {
        var flags = ConfigurationReader.Flags()
        flags.database = database
        flags.stateDirectory = stateDirectory
        return flags
    }
}

import ArgumentParser
import ServerDomain
import StoreSQLite

/// Prints a new link to the dashboard.
struct SignInCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign-in",
        abstract: "Print a link that signs you in to the dashboard, once and within 15 minutes.",
        discussion: "Works beside a running server that uses the same database.")

    @OptionGroup var options: StoreOptions

    @Option(
        name: .customLong("public-url"),
        help: ArgumentHelp(
            "The address to put in the link. [CLEVAGENT_PUBLIC_URL; default: where the server last served]",
            valueName: "url"))
    var publicURL: String?

    func run() async throws {
        var flags = options.flags
        flags.publicURL = publicURL
        let store = try await OpenStore.open(flags)
        try await Failure.catching {
            guard let url = try await address(store) else {
                throw Failure.Line(text: "the server never ran with this database; start it first")
            }
            StandardStream.output(
                try await SignInLink.make(in: store, url: url, at: ServerClock.system().now().wall))
        }
    }

    private func address(_ store: SQLiteStore) async throws -> String? {
        if let publicURL { return PublicURL(publicURL)?.text }
        return try await store.setting(Installation.urlSetting)
    }
}

/// Opens the database for the commands that work beside a running server.
enum OpenStore {
    static func open(_ flags: ConfigurationReader.Flags) async throws -> SQLiteStore {
        var reader = ConfigurationReader.ofThisProcess()
        guard let places = reader.readStore(flags) else { throw Failure.report(reader.problems) }
        var opened: SQLiteStore?
        try await Failure.catching {
            _ = try StateDirectory(making: places.stateDirectory)
            opened = try SQLiteStore(path: places.databasePath)
        }
        guard let opened else { throw Failure.configuration }
        return opened
    }
}

import ArgumentParser
import ServerDomain
import StoreSQLite
import WireProtocol

/// Makes, lists and revokes API keys.
struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Create, list and revoke API keys; works beside a running server.",
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Create a key and print it: the only time it is shown.",
            discussion: """
                Scopes: ingest (heartbeats, polling, results), read (status, events, runners), commands (queue restarts \
                and stops), admin (everything).

                For a script that restarts agents:
                  clevagent-server key create deploy --scope read,commands
                """)

        @Argument(help: "What to call it, for the list.")
        var name: String

        @Option(help: ArgumentHelp("What it may do, separated by commas.", valueName: "scopes"))
        var scope = "ingest,read"

        @OptionGroup var options: StoreOptions

        func validate() throws {
            guard !name.isEmpty, name.unicodeScalars.count <= 100, !name.hasControlCharacters else {
                throw ValidationError(
                    "NAME: “\(name.keeping(40))” must have 1 to 100 characters, none of them control characters")
            }
            _ = try scopes()
        }

        func run() async throws {
            let store = try await OpenStore.open(options.flags)
            let scopes = try scopes()
            try await Failure.catching {
                let now = ServerClock.system().now().wall
                let (project, _) = try await store.firstProject(at: now)
                let secret = Secret.apiKey()
                _ = try await store.addKey(named: name, digest: secret.digest, scopes: scopes, to: project, at: now)
                StandardStream.output(secret.text)
            }
        }

        private func scopes() throws -> Set<KeyScope> {
            let names = scope.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            let known = names.compactMap(KeyScope.init(rawValue:))
            guard known.count == names.count, !known.isEmpty else {
                throw ValidationError(
                    "--scope: “\(scope)” is not a list of scopes; use some of ingest,read,commands,admin")
            }
            return Set(known)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List all keys; the keys themselves are not kept.")

        @OptionGroup var options: StoreOptions

        func run() async throws {
            let store = try await OpenStore.open(options.flags)
            try await Failure.catching {
                for key in try await store.keys() {
                    let scopes = key.scopes.map(\.rawValue).sorted().joined(separator: ",")
                    let state = key.revokedAt.map { "revoked \($0.rfc3339)" } ?? "valid"
                    StandardStream.output(
                        [String(key.id), key.name, scopes, key.createdAt.rfc3339, state].joined(separator: "\t"))
                }
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revoke a key by its name or number; it is refused from then on.")

        @Argument(help: "Name or number, as `key list` shows it.")
        var name: String

        @OptionGroup var options: StoreOptions

        func run() async throws {
            let store = try await OpenStore.open(options.flags)
            try await Failure.catching {
                let count = try await store.revokeKeys(named: name, at: ServerClock.system().now().wall)
                guard count > 0 else {
                    throw Failure.Line(
                        text: "NAME: “\(name.keeping(100))” is no valid key; `clevagent-server key list` shows them",
                        exitCode: Failure.usage)
                }
            }
        }
    }
}

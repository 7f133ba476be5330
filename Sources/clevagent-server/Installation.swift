import Logging
import ServerDomain
import StoreSQLite
import WireProtocol

/// What a first start leaves behind, and what each start says to the person who made it.
struct Installation: Sendable {
    /// Made by this start; nil when the installation was there.
    struct FirstKey: Sendable {
        var secret: Secret
    }

    static let urlSetting = "url"
    private let store: SQLiteStore
    private let keyFile: String
    private let directory: StateDirectory

    init(store: SQLiteStore, directory: StateDirectory) {
        self.store = store
        self.directory = directory
        keyFile = directory.keyFile
    }

    /// Makes project and first key where there are none.
    func prepare(at now: WireTime) async throws -> FirstKey? {
        let (project, _) = try await store.firstProject(at: now)
        guard try await store.keys().isEmpty else { return nil }
        let secret = Secret.apiKey()
        // File before row: a start that ends in between makes both anew.
        try directory.save(secret.text, as: keyFile)
        _ = try await store.addKey(
            named: "first", digest: secret.digest, scopes: [.ingest, .read], to: project, at: now)
        return FirstKey(secret: secret)
    }

    /// Tells where everything is; secrets only to a terminal.
    func welcome(_ first: FirstKey?, url: String, clock: ServerClock, logger: Logger) async {
        do {
            // For `sign-in`, which runs beside this process.
            try await store.setSetting(Self.urlSetting, to: url)
            StandardStream.output("Dashboard: \(url)")
            guard first != nil else { return }
            let isTerminal = StandardStream.outputIsTerminal
            if isTerminal {
                let link = try await SignInLink.make(in: store, url: url, at: clock.now().wall)
                StandardStream.output("Sign in:   \(link)  (once, within 15 minutes)")
            } else {
                StandardStream.output(
                    "Sign in:   run `clevagent-server sign-in --state-dir \(directory.path)` for a link")
            }
            if isTerminal, let first { StandardStream.output("API key:   \(first.secret.text)") }
            StandardStream.output("Key file:  \(keyFile)")
            StandardStream.output(
                "Runner:    clevagent-runner --endpoint \(url) --api-key-file \(keyFile) --watch process:/run/my-bot.pid"
            )
        } catch {
            logger.error("Welcome could not be written", metadata: ["error": "\(error)"])
        }
    }
}

/// A link that signs a person in once.
enum SignInLink {
    /// Makes one for the first project.
    static func make(in store: SQLiteStore, url: String, at now: WireTime) async throws -> String {
        let (project, _) = try await store.firstProject(at: now)
        let token = Secret.token()
        try await store.addSignIn(
            token.digest, project: project, expiry: now.advanced(by: AccessPolicy.signInLifetime))
        return "\(url)/sign-in?token=\(token.text)"
    }
}

import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import ServerDomain
import ServerHTTP
import ServerTestSupport
import StoreSQLite
import WireProtocol

/// The real application over a store of its own.
struct TestServer {
    let directory: TemporaryDirectory
    let store: SQLiteStore
    let app: Application<RouterResponder<ServerRequestContext>>
    let fleet: FleetService
    let project: ProjectID
    /// A key that may do everything the API has.
    let key: Secret
    let clock: ServerClock

    init(clock: ServerClock = .system(), limit: RateLimit? = nil) async throws {
        directory = try TemporaryDirectory()
        store = try SQLiteStore(path: directory.file("clevagent.sqlite"))
        self.clock = clock
        let now = clock.now().wall
        (project, _) = try await store.firstProject(at: now)
        key = Secret.apiKey()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        fleet = try await FleetService(repository: store, clock: clock, logger: logger)
        let router = try Router.server(
            ServerParts(
                fleet: fleet, keys: store, events: store, sessions: store, clock: clock, limit: limit,
                site: DashboardSite(
                    hosts: HostPolicy(names: ["agents.example.com"]), isSecure: false, publicURL: nil)))
        app = Application(
            router: router, configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            services: [fleet], logger: logger)
        _ = try await store.addKey(
            named: "test", digest: key.digest, scopes: [.ingest, .read, .commands], to: project, at: now)
    }

    /// Makes another key.
    func key(_ scopes: Set<KeyScope>) async throws -> Secret {
        let secret = Secret.apiKey()
        _ = try await store.addKey(
            named: "other", digest: secret.digest, scopes: scopes, to: project, at: clock.now().wall)
        return secret
    }

    /// Makes a one-time token.
    func token() async throws -> Secret {
        let secret = Secret.token()
        try await store.addSignIn(
            secret.digest, project: project, expiry: clock.now().wall.advanced(by: AccessPolicy.signInLifetime))
        return secret
    }
}

extension TestClientProtocol {
    /// Sends one API request.
    func api(
        _ method: HTTPRequest.Method, _ path: String, key: Secret?, runner: String? = nil, body: String? = nil
    ) async throws -> TestResponse {
        var headers: HTTPFields = [.contentType: "application/json"]
        if let key, let name = HTTPField.Name(WireHeader.apiKey) { headers[name] = key.text }
        if let runner, let name = HTTPField.Name(WireHeader.runnerID) { headers[name] = runner }
        return try await execute(
            uri: "/api/v1\(path)", method: method, headers: headers, body: body.map { ByteBuffer(string: $0) })
    }
}

extension TestResponse {
    /// The body as JSON.
    var json: JSONValue? { try? JSONValue.parse(String(buffer: body)) }
    var text: String { String(buffer: body) }
}

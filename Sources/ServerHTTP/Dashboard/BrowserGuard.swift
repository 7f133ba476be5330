import HTTPTypes
import Hummingbird
package import ServerDomain
import WireProtocol

/// Decides which requests of a browser are what they seem: host, origin, session, CSRF token.
struct BrowserGuard: Sendable {
    /// A signed-in browser.
    struct Session: Sendable {
        var project: ProjectID
        fileprivate var secret: Secret

        /// What every form must carry; follows from the session's secret, so nothing has to be stored for it.
        var csrf: String { secret.derived(for: "csrf").text }
        var digest: SecretDigest { secret.digest }
    }

    let sessions: any SessionRepository
    let site: DashboardSite
    let clock: ServerClock

    /// Refuses a Host that is not ours: a page elsewhere may have bound its name to our address.
    func checkHost(_ request: Request) throws {
        guard site.hosts.allows(request.head.authority) else {
            throw APIRefusal(.misdirectedRequest, "This server does not go by that name; see --public-url")
        }
    }

    /// Refuses a post that another site's page made.
    ///
    /// Browsers send Origin with every post. Where it is missing there is no browser, or Sec-Fetch-Site says it.
    func checkOrigin(_ request: Request) throws {
        let site = request.headers[.secFetchSite]
        let isOurs =
            if let origin = request.headers[.origin] {
                self.site.hosts.isOrigin(origin, of: request.head.authority)
            } else {
                site == nil || site == "same-origin"
            }
        guard isOurs else { throw APIRefusal(.forbidden, "This request comes from another site") }
    }

    /// Finds the session of a request.
    func session(of request: Request) async throws -> Session? {
        try checkHost(request)
        guard let text = cookie(of: request) else { return nil }
        let secret = Secret(text: text)
        guard let project = try await sessions.session(matching: secret.digest, at: clock.now().wall) else {
            return nil
        }
        return Session(project: project, secret: secret)
    }

    /// Lets a post of a signed-in browser in: host, origin, session and token must all be right.
    func admitPost(_ request: Request, _ form: FormBody) async throws -> Session {
        guard let session = try await session(of: request) else { throw APIRefusal(.unauthorized, "Not authenticated") }
        try checkOrigin(request)
        let given = Secret(text: form["csrf"] ?? "").digest
        guard given.matches(Secret(text: session.csrf).digest) else {
            throw APIRefusal(.forbidden, "The form is out of date; reload the page")
        }
        return session
    }

    /// The cookie that opens a session.
    func cookie(opening secret: Secret) -> String {
        "\(site.cookieName)=\(secret.text); Path=/; HttpOnly; SameSite=Strict; Max-Age="
            + "\(AccessPolicy.sessionLifetime.components.seconds)" + (site.isSecure ? "; Secure" : "")
    }

    /// The cookie that ends it.
    var closingCookie: String {
        "\(site.cookieName)=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0" + (site.isSecure ? "; Secure" : "")
    }

    private func cookie(of request: Request) -> String? {
        for field in request.headers[values: .cookie] {
            for pair in field.split(separator: ";") {
                let parts = pair.drop(while: { $0 == " " }).split(separator: "=", maxSplits: 1)
                guard parts.first == Substring(site.cookieName), let value = parts.dropFirst().first else { continue }
                return String(value)
            }
        }
        return nil
    }
}

extension HTTPField.Name {
    static let secFetchSite = HTTPField.Name("Sec-Fetch-Site") ?? .origin
}

/// What the dashboard must know of the place it is served at.
package struct DashboardSite: Sendable {
    var hosts: HostPolicy
    var isSecure: Bool
    /// What people type, when it is configured; else it is taken from the request.
    var publicURL: String?

    package init(hosts: HostPolicy, isSecure: Bool, publicURL: String?) {
        self.hosts = hosts
        self.isSecure = isSecure
        self.publicURL = publicURL
    }

    /// Browsers take a cookie with this prefix only over TLS and for this very host.
    var cookieName: String { isSecure ? "__Host-clevagent" : "clevagent" }
}

import HTTPTypes
import Hummingbird
import ServerDomain
import WireProtocol

/// Signs people in with a one-time link, and out again.
struct SignInController: Sendable {
    let guardian: BrowserGuard
    let templates: PageTemplates

    func addRoutes(to table: inout RouteTable) {
        table.on(.get, "/sign-in", show)
        table.on(.post, "/sign-in", signIn)
        table.on(.post, "/sign-out", signOut)
    }

    /// Shows a button instead of signing in at once: mail scanners and link previews open links too.
    private func show(_ request: Request, _ context: ServerRequestContext) async throws -> Response {
        try guardian.checkHost(request)
        guard let token = request.uri.queryParameters["token"].map({ String($0) }), token.utf8.count <= 200,
            try await guardian.sessions.isSignInValid(Secret(text: token).digest, at: guardian.clock.now().wall)
        else {
            return HTMLResponse.page(templates.render(.signIn, DoorPage.usedUp), status: .forbidden)
        }
        return HTMLResponse.page(templates.render(.signIn, DoorPage.welcome(token: token)))
    }

    private func signIn(_ request: Request, _ context: ServerRequestContext) async throws -> Response {
        try guardian.checkHost(request)
        try guardian.checkOrigin(request)
        let form = try await FormBody(request)
        let session = Secret.token()
        let now = guardian.clock.now().wall
        let isValid = try await guardian.sessions.signIn(
            Secret(text: form["token"] ?? "").digest, session: session.digest, at: now,
            expiry: now.advanced(by: AccessPolicy.sessionLifetime))
        guard isValid else {
            return HTMLResponse.page(templates.render(.signIn, DoorPage.usedUp), status: .forbidden)
        }
        return HTMLResponse.redirect(to: "/", cookie: guardian.cookie(opening: session))
    }

    private func signOut(_ request: Request, _ context: ServerRequestContext) async throws -> Response {
        let session = try await guardian.admitPost(request, try await FormBody(request))
        try await guardian.sessions.signOut(session.digest)
        return HTMLResponse.redirect(to: "/", cookie: guardian.closingCookie)
    }
}

/// What a page says to somebody who is not signed in, or whose request was refused.
struct DoorPage: Sendable {
    var title: String
    var text: String
    var token = ""
    var hasToken = false
    var hint = ""
    var hasHint = false
    var hasBack = false

    static func welcome(token: String) -> DoorPage {
        DoorPage(
            title: "Sign in to ClevAgent", text: "The link that brought you here works once.", token: token,
            hasToken: true)
    }

    static let closed = DoorPage(
        title: "Please sign in", text: "Get a link from the host that the server runs on:",
        hint: "clevagent-server sign-in", hasHint: true)

    static let usedUp = DoorPage(
        title: "This link is used up", text: "Links work once, and for 15 minutes. Get a new one:",
        hint: "clevagent-server sign-in", hasHint: true)

    static func refused(_ detail: String) -> DoorPage {
        DoorPage(title: "Not done", text: detail, hasBack: true)
    }
}

import HTTPTypes
import Hummingbird
import NIOCore
import ServerDomain
import ServiceLifecycle
import WireProtocol

/// The one page: agents at a glance, live, with a restart button each.
struct DashboardController: Sendable {
    let guardian: BrowserGuard
    let templates: PageTemplates
    let fleet: FleetService
    let eventLog: any EventRepository
    let clock: ServerClock

    func addRoutes(to table: inout RouteTable) {
        table.on(.get, "/", page)
        table.on(.get, "/live", live)
        table.on(.post, "/agents/:id/restart", restart)
    }

    private func page(_ request: Request, _ context: ServerRequestContext) async throws -> Response {
        guard let session = try await guardian.session(of: request) else {
            return HTMLResponse.page(templates.render(.signIn, DoorPage.closed), status: .unauthorized)
        }
        let view = try await view(for: session, url: url(of: request))
        return HTMLResponse.page(templates.render(.page, view))
    }

    /// Sends the page's middle anew whenever something in it changed, as server-sent events.
    private func live(_ request: Request, _ context: ServerRequestContext) async throws -> Response {
        guard let session = try await guardian.session(of: request) else {
            throw APIRefusal(.unauthorized, "Not authenticated")
        }
        let url = url(of: request)
        var headers = HTMLResponse.securityHeaders
        headers[.contentType] = "text/event-stream"
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                try await stream(to: &writer, session: session, request: request, url: url)
                try await writer.finish(nil)
            })
    }

    @concurrent
    private func stream(
        to writer: inout any ResponseBodyWriter, session: BrowserGuard.Session, request: Request, url: String
    ) async throws {
        let doorbell = fleet.doorbell
        var shown = ""
        while true {
            let bell = doorbell.listen(to: .fleet(session.project))
            // Signing out ends what is on the screen too.
            guard try await guardian.session(of: request) != nil else { return }
            let html = templates.render(.fleet, try await view(for: session, url: url))
            var message = "event: clock\ndata: \(clock.now().wall.rfc3339)\n\n"
            if html != shown { message += Self.event("fleet", html) }
            shown = html
            try await writer.write(ByteBuffer(string: message))
            // At most two a second, however much happens; a sign of life every 15 s, which also finds lost readers.
            let quiet = clock.now().steady + .milliseconds(500)
            let outcome = await withGracefulShutdownHandler {
                let outcome = await Waiting.wait(for: bell, until: clock.now().steady + .seconds(15), on: clock)
                if outcome == .rung { try? await clock.sleep(quiet) }
                return outcome
            } onGracefulShutdown: {
                doorbell.close()
            }
            if outcome == .ended { return }
        }
    }

    /// One server-sent event; every line of the data needs its own prefix.
    private static func event(_ name: String, _ data: String) -> String {
        let lines = data.split(separator: "\n", omittingEmptySubsequences: false)
            .flatMap { $0.split(separator: "\r", omittingEmptySubsequences: false) }
        return "event: \(name)\n" + lines.map { "data: \($0)\n" }.joined() + "\n"
    }

    private func restart(_ request: Request, _ context: ServerRequestContext) async throws -> Response {
        let wantsJSON = request.headers[.accept]?.contains("application/json") == true
        do {
            let session = try await guardian.admitPost(request, try await FormBody(request))
            guard let id = Int64(context.parameters.get("id") ?? "").map(AgentID.init(rawValue:)) else {
                throw APIRefusal(.notFound, "Agent not found")
            }
            let queued = try await fleet.decide(in: session.project) { fleet, turn in
                fleet.queue(.restart, for: id, runner: nil, &turn)
            }
            if case .failure(let refusal) = queued { throw APIRefusal(refusal) }
            return wantsJSON
                ? try JSONBody.response(OKAnswer(), status: .accepted) : HTMLResponse.redirect(to: "/")
        } catch let refusal as APIRefusal where !wantsJSON {
            let page = templates.render(.signIn, DoorPage.refused(refusal.body.detail))
            return HTMLResponse.page(page, status: refusal.status)
        }
    }

    private func view(for session: BrowserGuard.Session, url: String) async throws -> FleetPage {
        let events = try await eventLog.newestEvents(in: session.project, limit: 20)
        return await fleet.read(session.project) { fleet, now in
            FleetPage(fleet, events: events, at: now, url: url, csrf: session.csrf)
        }
    }

    private func url(of request: Request) -> String {
        guardian.site.publicURL ?? (guardian.site.isSecure ? "https://" : "http://") + (request.head.authority ?? "")
    }
}

package import Hummingbird
package import ServerDomain

/// What the server's routes need.
package struct ServerParts: Sendable {
    package var fleet: FleetService
    package var keys: any KeyRepository
    package var events: any EventRepository
    package var sessions: any SessionRepository
    package var clock: ServerClock
    /// Nil lifts the limit.
    package var limit: RateLimit?
    package var site: DashboardSite

    package init(
        fleet: FleetService, keys: any KeyRepository, events: any EventRepository, sessions: any SessionRepository,
        clock: ServerClock, limit: RateLimit?, site: DashboardSite
    ) {
        self.fleet = fleet
        self.keys = keys
        self.events = events
        self.sessions = sessions
        self.clock = clock
        self.limit = limit
        self.site = site
    }
}

extension Router where Context == ServerRequestContext {
    /// Builds every route of the server.
    ///
    /// - Throws: When a template built into the program cannot be parsed.
    package static func server(_ parts: ServerParts) throws -> Router<ServerRequestContext> {
        let router = Router(context: ServerRequestContext.self, options: [.autoGenerateHeadEndpoints])
        router.add(middleware: GzipOfferMiddleware())
        router.add(middleware: RefusalMiddleware())
        let access = APIAccess(keys: parts.keys, limit: parts.limit, clock: parts.clock)
        var table = RouteTable()
        HealthController().addRoutes(to: &table)
        HeartbeatController(access: access, fleet: parts.fleet).addRoutes(to: &table)
        CommandController(access: access, fleet: parts.fleet, clock: parts.clock).addRoutes(to: &table)
        ReadController(access: access, fleet: parts.fleet, eventLog: parts.events).addRoutes(to: &table)
        let templates = try PageTemplates()
        let guardian = BrowserGuard(sessions: parts.sessions, site: parts.site, clock: parts.clock)
        AssetController().addRoutes(to: &table)
        SignInController(guardian: guardian, templates: templates).addRoutes(to: &table)
        DashboardController(
            guardian: guardian, templates: templates, fleet: parts.fleet, eventLog: parts.events, clock: parts.clock
        ).addRoutes(to: &table)
        table.register(with: router)
        return router
    }
}

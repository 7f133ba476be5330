import Hummingbird
import ServerDomain
import WireProtocol

/// Answers what is known: agents, events, runners.
struct ReadController: Sendable {
    let access: APIAccess
    let fleet: FleetService
    let eventLog: any EventRepository

    func addRoutes(to table: inout RouteTable) {
        table.on(.get, "\(WirePath.base)/status", status)
        table.on(.get, "\(WirePath.base)/agents/:id", agent)
        table.on(.get, "\(WirePath.base)/events", events)
        table.on(.get, "\(WirePath.base)/runners", runners)
    }

    private func status(_ request: Request, _ context: ServerRequestContext) async throws -> Response {
        let key = try access.admit(request, for: .read)
        var query = QueryReader(request)
        let limit = query.integer("limit", in: 1...1000, default: 100)
        let offset = query.integer("offset", in: 0...Int64.max, default: 0)
        try query.check()
        let answer = await fleet.read(key.project) { fleet, now in
            let sorted = fleet.agents.values.sorted { $0.name < $1.name }
            let page = sorted.dropFirst(Int(clamping: offset)).prefix(Int(clamping: limit))
            return StatusAnswer(
                total: sorted.count, limit: limit, offset: offset,
                agents: page.map { AgentAnswer($0, in: fleet, at: now) })
        }
        return try JSONBody.response(answer)
    }

    private func agent(_ request: Request, _ context: ServerRequestContext) async throws -> Response {
        let key = try access.admit(request, for: .read)
        let id = Int64(context.parameters.get("id") ?? "").map(AgentID.init(rawValue:))
        let answer = await fleet.read(key.project) { fleet, now in
            id.flatMap { fleet.agents[$0] }.map { AgentAnswer($0, in: fleet, at: now) }
        }
        guard let answer else { throw APIRefusal(.notFound, "Agent not found") }
        return try JSONBody.response(answer)
    }

    private func events(_ request: Request, _ context: ServerRequestContext) async throws -> Response {
        let key = try access.admit(request, for: .read)
        var query = QueryReader(request)
        let after = query.integer("after", in: 0...Int64.max, default: 0)
        let agent = query.integer("agent_id", in: 0...Int64.max, default: 0)
        let limit = query.integer("limit", in: 1...1000, default: 100)
        try query.check()
        let events = try await eventLog.events(
            in: key.project, after: after, agent: agent == 0 ? nil : AgentID(rawValue: agent),
            limit: Int(clamping: limit))
        return try JSONBody.response(
            EventsAnswer(events: events.map(EventAnswer.init), next: events.last?.id ?? after))
    }

    private func runners(_ request: Request, _ context: ServerRequestContext) async throws -> Response {
        let key = try access.admit(request, for: .read)
        let answer = await fleet.read(key.project) { fleet, _ in
            RunnersAnswer(
                runners: fleet.runners.values.sorted { $0.id.rawValue < $1.id.rawValue }
                    .map { RunnerAnswer($0, in: fleet) })
        }
        return try JSONBody.response(answer)
    }
}

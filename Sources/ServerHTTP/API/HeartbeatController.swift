import Hummingbird
import ServerDomain
import WireProtocol

/// Takes heartbeats, one or many at a time; every 200 is sent after the commit.
struct HeartbeatController: Sendable {
    let access: APIAccess
    let fleet: FleetService

    func addRoutes(to table: inout RouteTable) {
        table.on(.post, WirePath.heartbeat, single)
        table.on(.post, WirePath.batch, batch)
    }

    private func single(_ request: Request, _ context: ServerRequestContext) async throws -> Response {
        let key = try access.admit(request, for: .ingest)
        let sender = Sender(runner: try APIAccess.runner(of: request))
        let input = try await JSONBody.read(HeartbeatInput.self, from: request)
        let report: HeartbeatReport
        switch input.result {
        case .success(let valid): report = valid
        case .failure(let refusal): throw APIRefusal(invalid: refusal.fields)
        }
        let outcome = try await fleet.decide(in: key.project, eventIDs: report.eventID.map { [$0] } ?? []) {
            fleet, turn in
            fleet.receive(report, from: sender, &turn)
        }
        switch outcome {
        case .accepted(let id, let name):
            return try JSONBody.response(HeartbeatAnswer(agentID: id.rawValue, agent: name, status: report.status))
        case .notRegistered:
            throw APIRefusal(.forbidden, "Agent not registered")
        }
    }

    private func batch(_ request: Request, _ context: ServerRequestContext) async throws -> Response {
        let key = try access.admit(request, for: .ingest)
        let headerID = try APIAccess.runner(of: request)
        let input = try await JSONBody.read(BatchInput.self, from: request)
        guard input.errors.isEmpty else { throw APIRefusal(invalid: input.errors) }
        if let headerID, let bodyID = input.runner?.id, headerID != bodyID {
            throw APIRefusal(invalid: "runner.id", "differs from the header \(WireHeader.runnerID)")
        }
        let runner = headerID ?? input.runner?.id
        let sender = Sender(runner: runner, sentAt: input.sentAt)
        let eventIDs = input.heartbeats.compactMap { try? $0.result.get().eventID }
        let results = try await fleet.decide(in: key.project, eventIDs: eventIDs) { fleet, turn in
            if let runner, let opening = input.runner { fleet.open(opening, as: runner, &turn) }
            let results = input.heartbeats.map { Self.take($0, from: sender, into: &fleet, &turn) }
            if let runner, let closing = input.runner { fleet.close(closing, as: runner, &turn) }
            return results
        }
        return try JSONBody.response(BatchAnswer(accepted: results.count { $0.ok }, results: results))
    }

    private static func take(
        _ item: HeartbeatInput, from sender: Sender, into fleet: inout Fleet, _ turn: inout Turn
    ) -> BatchAnswer.Item {
        switch item.result {
        case .failure(let refusal):
            return BatchAnswer.Item(agent: item.agent, ok: false, error: refusal.fields.summary)
        case .success(let report):
            switch fleet.receive(report, from: sender, &turn) {
            case .accepted(let id, let name):
                return BatchAnswer.Item(agent: name, ok: true, agentID: id.rawValue)
            case .notRegistered:
                return BatchAnswer.Item(agent: report.agent, ok: false, error: "Agent not registered")
            }
        }
    }
}

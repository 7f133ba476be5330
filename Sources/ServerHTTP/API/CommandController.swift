import Hummingbird
import ServerDomain
import ServiceLifecycle
import WireProtocol

/// Queues commands, hands them out and takes their results.
struct CommandController: Sendable {
    let access: APIAccess
    let fleet: FleetService
    let clock: ServerClock
    let polls = PollRegistry()

    func addRoutes(to table: inout RouteTable) {
        table.on(.get, WirePath.commands, poll)
        table.on(.post, "\(WirePath.commands)/:id/result", result)
        table.on(.post, "\(WirePath.base)/agents/:id/commands", queue)
    }

    private func poll(_ request: Request, _ context: ServerRequestContext) async throws -> Response {
        let key = try access.admit(request, for: .ingest, isCounted: false)
        let runner = try APIAccess.runner(of: request)
        var query = QueryReader(request)
        let wait = query.integer("wait", in: 0...Int64(WireLimits.longPollSeconds), default: 0)
        try query.check()
        if let runner { await fleet.see(runner, in: key.project) }
        let taken =
            wait == 0
            ? try await take(for: runner, in: key.project)
            : try await context.whileClientWaits {
                try await hold(for: runner, in: key.project, seconds: wait)
            }
        return try JSONBody.response(taken)
    }

    /// Holds the request until a command comes, the seconds pass, the client leaves, or the server goes down.
    private func hold(for runner: RunnerID?, in project: ProjectID, seconds: Int64) async throws -> [Command] {
        let topic = Topic.commands(project, runner)
        let deadline = clock.now().steady + .seconds(seconds)
        let ticket = polls.enter(topic, isExclusive: runner != nil)
        defer { polls.leave(topic, ticket) }
        let doorbell = fleet.doorbell
        return try await withGracefulShutdownHandler {
            while true {
                let bell = doorbell.listen(to: topic)
                if polls.isNewest(topic, ticket), !Task.isCancelled {
                    let taken = try await take(for: runner, in: project)
                    guard taken.isEmpty else { return taken }
                }
                let again = await fleet.read(project) { fleet, _ in fleet.nextRedelivery(for: runner) }
                let now = clock.now().steady
                let wake = again.map { $0 > now ? min($0, deadline) : deadline } ?? deadline
                switch await Waiting.wait(for: bell, until: wake, on: clock) {
                case .rung: continue
                case .timedOut where wake < deadline: continue
                case .timedOut, .ended: return []
                }
            }
        } onGracefulShutdown: {
            doorbell.close()
        }
    }

    private func take(for runner: RunnerID?, in project: ProjectID) async throws -> [Command] {
        let isWorthATurn = await fleet.read(project) { fleet, now in fleet.hasCommands(for: runner, at: now.steady) }
        guard isWorthATurn else { return [] }
        return try await fleet.decide(in: project) { fleet, turn in
            fleet.takeCommands(for: runner, &turn).map { command in
                Command(command, agent: fleet.agents[command.agent]?.name, at: turn.now.steady)
            }
        }
    }

    private func result(_ request: Request, _ context: ServerRequestContext) async throws -> Response {
        let key = try access.admit(request, for: .ingest)
        let runner = try APIAccess.runner(of: request)
        let id = Int64(context.parameters.get("id") ?? "").map(CommandID.init(rawValue:))
        let input = try await JSONBody.read(ResultInput.self, from: request)
        guard input.errors.isEmpty, let status = input.status else { throw APIRefusal(invalid: input.errors) }
        guard let id else { throw Self.unknownCommand }
        let isKnown = try await fleet.decide(in: key.project) { fleet, turn in
            fleet.finish(id, status, message: input.message, by: runner, &turn)
        }
        guard isKnown else { throw Self.unknownCommand }
        return try JSONBody.response(OKAnswer())
    }

    private func queue(_ request: Request, _ context: ServerRequestContext) async throws -> Response {
        let key = try access.admit(request, for: .commands)
        let id = Int64(context.parameters.get("id") ?? "").map(AgentID.init(rawValue:))
        let input = try await JSONBody.read(CommandInput.self, from: request)
        guard input.errors.isEmpty, let action = input.action else { throw APIRefusal(invalid: input.errors) }
        guard let id else { throw APIRefusal(.notFound, "Agent not found") }
        let queued = try await fleet.decide(in: key.project) { fleet, turn in
            fleet.queue(action, for: id, runner: input.runner, &turn).map { command in
                QueuedAnswer(command, agent: fleet.agents[command.agent]?.name, at: turn.now.steady)
            }
        }
        switch queued {
        case .success(let answer): return try JSONBody.response(answer, status: .accepted)
        case .failure(let refusal): throw APIRefusal(refusal)
        }
    }

    private static let unknownCommand = APIRefusal(.notFound, "Command not found")
}

extension APIRefusal {
    /// Says why a command was not queued.
    init(_ refusal: QueueRefusal) {
        switch refusal {
        case .unknownAgent:
            self.init(.notFound, "Agent not found")
        case .unknownRunner:
            self.init(.conflict, "That runner does not watch this agent now")
        case .noRunner:
            self.init(.conflict, "No runner watches this agent now, so nobody could carry the command out")
        case .ambiguous(let runners):
            let names = runners.map(\.rawValue).sorted().joined(separator: ", ")
            self.init(.conflict, "Several runners watch this agent; give runner_id, one of: \(names)")
        case .alreadyQueued(let id):
            self.init(.conflict, "The same action is already queued as command \(id.rawValue)")
        }
    }
}

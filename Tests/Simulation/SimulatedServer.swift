import FoundationEssentials
import Logging
import ServerDomain
import ServerLink
import WireProtocol

/// One life of the server: the real `FleetService` above a store that outlives it.
final class ServerLife: @unchecked Sendable {
    let server: SimulatedServer
    private(set) var isAlive = true
    private(set) var service: FleetService?
    private var task: Task<Void, Never>?
    private var dies: Int?

    init(_ server: SimulatedServer) {
        self.server = server
    }

    func start() {
        let (world, machine) = (server.world, server.machine)
        let clock = ServerClock(
            now: { ServerDomain.Moment(steady: machine.steady, wall: machine.wall) },
            sleep: { [self] until in
                try Task.checkCancellation()
                let wait = Moment(until - machine.steady)
                if wait > 0 { await world.sleep(wait, on: machine) }
                try Task.checkCancellation()
                guard isAlive else { throw CancellationError() }
            })
        var logger = Logger(label: "server") { _ in TraceLog(world, "server") }
        logger.logLevel = .critical
        let quiet = logger
        // Awaited by nobody: it ends with the crash.
        task = Task {
            guard
                let service = try? await FleetService(
                    repository: SimulatedRepository(self), clock: clock, logger: quiet)
            else { return }
            if isAlive { self.service = service }
            try? await service.run()
        }
    }

    func kill() {
        isAlive = false
        service = nil
        task?.cancel()
    }

    /// A crash at an interesting moment, perhaps.
    func mayDieSoon(_ probability: Double) {
        guard server.checks.killsAnywhere, isAlive, dies == nil, server.world.chance(probability) else { return }
        dies = Int(server.world.between(0, 25))
    }

    func step() {
        guard let left = dies else { return }
        dies = left - 1
        guard left <= 0 else { return }
        dies = nil
        server.crash()
        server.restartSoon()
    }
}

/// The server's host, and what stands before it.
final class SimulatedServer: @unchecked Sendable {
    static let project = ProjectID(rawValue: 1)

    /// What all requests are answered with, for a while.
    enum Mood: Hashable {
        case fine
        case refusing(Int, retryAfter: Int?)
        case talkingNonsense
    }

    let world: World
    let machine: Machine
    let checks: Checks
    let store: SimulatedStore
    private(set) var life: ServerLife?
    var mood = Mood.fine
    /// What has this in its words can't be taken, alone or with others.
    var poison: String?
    var storeFailsUntil: Moment = 0
    /// Commands that no operator gave, to be offered once.
    var strays: [Command] = []

    init(_ world: World, checks: Checks) {
        self.world = world
        self.checks = checks
        machine = checks.serverMachine
        store = checks.store
    }

    func start() {
        guard life == nil, !world.isOver else { return }
        world.trace.count("server: started")
        world.trace.note("the server starts")
        let life = ServerLife(self)
        self.life = life
        life.start()
    }

    func crash() {
        guard let life else { return }
        world.trace.note("the server crashes")
        world.trace.count("server: crashed")
        self.life = nil
        life.kill()
    }

    func restartSoon() {
        world.after(world.spread(.milliseconds(200), .minutes(20)), on: machine) { [self] in start() }
    }

    // MARK: - Requests

    func answer(_ request: ServerRequest, from runner: String) async -> ServerReply {
        guard let life, let service = life.service else { return .unreachable("connection refused") }
        switch mood {
        case .fine: break
        case .refusing(let status, let after):
            world.trace.count("server: answered \(status)")
            // That a path is not known says something in between: the server knows its paths.
            let words = [404, 405].contains(status) ? "<html>no such page</html>" : #"{"detail":"not now"}"#
            return .answer(status: status, retryAfter: after.map { .seconds($0) }, body: Array(words.utf8))
        case .talkingNonsense:
            world.trace.count("server: answered nonsense")
            return .answer(status: 200, retryAfter: nil, body: Array("<html>welcome</html>".utf8))
        }
        guard let id = RunnerID(rawValue: runner) else { return Self.refusal(422) }
        let reply: ServerReply
        do {
            reply = try await route(request, service, id)
        } catch {
            reply = Self.refusal(503)
        }
        guard life.isAlive else { return .unreachable("the server closed the connection without an answer") }
        checks.answers(reply, to: request, from: runner)
        life.mayDieSoon(0.001)
        return reply
    }

    private func route(_ request: ServerRequest, _ service: FleetService, _ runner: RunnerID) async throws
        -> ServerReply
    {
        if request.path.hasPrefix(WirePath.batch) { return try await batch(request, service, runner) }
        if request.path.hasPrefix(WirePath.heartbeat) { return try await single(request, service, runner) }
        if request.method == .get { return try await poll(service, runner) }
        return try await result(request, service, runner)
    }

    private func isPoisoned(_ body: [UInt8]) -> Bool {
        guard let poison else { return false }
        return String(decoding: body, as: UTF8.self).contains(poison)
    }

    private func batch(_ request: ServerRequest, _ service: FleetService, _ runner: RunnerID) async throws
        -> ServerReply
    {
        let body = request.body ?? []
        if isPoisoned(body) {
            world.trace.count("server: refused a poisoned request")
            return Self.refusal(422)
        }
        let input = try JSONDecoder().decode(BatchInput.self, from: Data(body))
        guard input.errors.isEmpty else { return Self.refusal(422) }
        let sender = Sender(runner: runner, sentAt: input.sentAt)
        let ids = input.heartbeats.compactMap { try? $0.result.get().eventID }
        let results = try await service.decide(in: Self.project, eventIDs: ids) { fleet, turn in
            if let opening = input.runner { fleet.open(opening, as: runner, &turn) }
            let results = input.heartbeats.map { item -> BatchAnswer.Item in
                guard case .success(let report) = item.result,
                    case .accepted(let id, let name) = fleet.receive(report, from: sender, &turn)
                else { return BatchAnswer.Item(agent: item.agent, ok: false, error: "refused") }
                return BatchAnswer.Item(agent: name, ok: true, agentID: id.rawValue)
            }
            if let closing = input.runner { fleet.close(closing, as: runner, &turn) }
            return results
        }
        return try Self.json(BatchAnswer(accepted: results.count { $0.ok }, results: results))
    }

    private func single(_ request: ServerRequest, _ service: FleetService, _ runner: RunnerID) async throws
        -> ServerReply
    {
        let body = request.body ?? []
        if isPoisoned(body) { return Self.refusal(422) }
        let input = try JSONDecoder().decode(HeartbeatInput.self, from: Data(body))
        guard case .success(let report) = input.result else { return Self.refusal(422) }
        let sender = Sender(runner: runner)
        let outcome = try await service.decide(in: Self.project, eventIDs: report.eventID.map { [$0] } ?? []) {
            fleet, turn in fleet.receive(report, from: sender, &turn)
        }
        guard case .accepted(let id, let name) = outcome else { return Self.refusal(422) }
        return try Self.json(HeartbeatAnswer(agentID: id.rawValue, agent: name, status: report.status))
    }

    private func poll(_ service: FleetService, _ runner: RunnerID) async throws -> ServerReply {
        if !strays.isEmpty {
            defer { strays = [] }
            world.trace.count("server: offered stray commands")
            return try Self.json(strays)
        }
        await service.see(runner, in: Self.project)
        let clock = ServerClock(
            now: { [machine] in ServerDomain.Moment(steady: machine.steady, wall: machine.wall) },
            sleep: { [machine, world] until in
                await world.sleep(Moment(until - machine.steady), on: machine)
                try Task.checkCancellation()
            })
        let deadline = machine.steady + .seconds(55)
        while true {
            let bell = service.doorbell.listen(to: .commands(Self.project, runner))
            let taken = try await take(service, runner)
            guard taken.isEmpty, self.life?.service === service else { return try Self.json(taken) }
            let again = await service.read(Self.project) { fleet, _ in fleet.nextRedelivery(for: runner) }
            let wake = again.map { $0 > machine.steady ? min($0, deadline) : deadline } ?? deadline
            switch await Waiting.wait(for: bell, until: wake, on: clock) {
            case .rung: continue
            case .timedOut where wake < deadline: continue
            case .timedOut, .ended: return try Self.json([Command]())
            }
        }
    }

    private func take(_ service: FleetService, _ runner: RunnerID) async throws -> [Command] {
        guard await service.read(Self.project, { $0.hasCommands(for: runner, at: $1.steady) }) else { return [] }
        return try await service.decide(in: Self.project) { fleet, turn in
            fleet.takeCommands(for: runner, &turn).map { command in
                let left = max(.zero, command.issuedAt.steady + CommandPolicy.lifetime - turn.now.steady)
                return Command(
                    id: command.id.rawValue, action: command.action.rawValue, type: command.address.type,
                    target: command.address.target, issuedAt: command.issuedAt.wall,
                    expiresIn: Double(left.wholeMilliseconds) / 1000)
            }
        }
    }

    private func result(
        _ request: ServerRequest, _ service: FleetService, _ runner: RunnerID
    ) async throws -> ServerReply {
        let parts = request.path.split(separator: "/")
        guard parts.count >= 2, let id = Int64(parts[parts.count - 2]) else { return Self.refusal(404) }
        let input = try JSONDecoder().decode(ResultInput.self, from: Data(request.body ?? []))
        guard let status = input.status else { return Self.refusal(422) }
        let isKnown = try await service.decide(in: Self.project) { fleet, turn in
            fleet.finish(CommandID(rawValue: id), status, message: input.message, by: runner, &turn)
        }
        return isKnown ? .answer(status: 200, retryAfter: nil, body: Array(#"{"ok":true}"#.utf8)) : Self.refusal(404)
    }

    private static func refusal(_ status: Int) -> ServerReply {
        .answer(status: status, retryAfter: nil, body: Array(#"{"detail":"refused"}"#.utf8))
    }

    private static func json(_ value: some Encodable) throws -> ServerReply {
        .answer(status: 200, retryAfter: nil, body: Array(try JSONEncoder().encode(value)))
    }
}

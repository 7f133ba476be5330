import TestSupport
import WireProtocol

/// How what happened while the server was away came to it afterwards.
struct OutageFigures: Sendable {
    /// How many targets were killed; each has a death and a start to tell.
    var killed: Int
    /// How many of these changes came, each once.
    var told: Int
    /// Whether what came bore rising numbers.
    var isInOrder: Bool
    /// The server was back → the first request.
    var retry: Duration
    /// The first request → the last of the changes.
    var backlog: Duration
    /// How many requests that took.
    var requests: Int
    /// By how much the told times of the deaths are off.
    var errors: Samples
}

extension Bench {
    /// Takes the server away for a minute from a runner with 1,000 targets, of which that many are killed meanwhile.
    func outage(killing count: Int) async throws -> OutageFigures {
        try await withCrowd(count: 1000 - count) { crowd in
            try await withAgents("outage", count: count) { pool in
                try await withStubServer { stub in
                    let targets = (crowd.pidFiles + pool.names.map { pool.pidFile(of: $0) }).map { "process:" + $0 }
                    let runner = try ours.start("outage", targets: targets, reportingTo: stub)
                    do {
                        try await ours.ready("outage", count: targets.count, reportingTo: stub)
                        let figures = try await figures(of: pool, stub)
                        await runner.end()
                        return figures
                    } catch {
                        await runner.end()
                        throw BenchmarkError.notReady("\(error)", log: ours.logEnd(of: "outage"))
                    }
                }
            }
        }
    }

    private func figures(of pool: AgentPool, _ stub: StubServer) async throws -> OutageFigures {
        try await stub.goAway()
        let before = (heartbeats: stub.heartbeats.count, requests: stub.requests.count)
        let away = ContinuousClock.now
        var killed: [String: ContinuousClock.Instant] = [:]
        for (index, name) in pool.names.enumerated() {
            // Over the first 50 s, so that the last one is up again when the server returns.
            try await Task.sleep(until: away + .seconds(50) * index / pool.names.count)
            killed[name] = try pool.kill(name)
        }
        try await Task.sleep(until: away + .seconds(60))
        let back = ContinuousClock.now
        try await stub.comeBack()

        var missing = Set(pool.names.flatMap { ["\($0) died", "\($0) started"] })
        let last = try await stub.heartbeat(after: before.heartbeats - 1, within: .seconds(30)) { heartbeat in
            if let kind = heartbeat.event?.kind { missing.remove("\(heartbeat.agent) \(kind.rawValue)") }
            return missing.isEmpty
        }
        let batches = stub.requests.dropFirst(before.requests).filter {
            $0.method == "POST" && $0.index <= last.request
        }
        let changes = stub.heartbeats.dropFirst(before.heartbeats).filter { $0.heartbeat.event != nil }
        let first = batches.first?.arrival ?? back
        return OutageFigures(
            killed: killed.count,
            told: changes.count { [.died, .started].contains($0.heartbeat.event?.kind) },
            isInOrder: changes.compactMap(\.heartbeat.seq).isRising, retry: first - back,
            backlog: last.arrival - first, requests: batches.count,
            errors: Samples(try changes.compactMap { try error(of: $0, killed, stub) }))
    }

    /// How far the time that is told of a death is from when it was killed.
    private func error(
        of change: StubServer.ReceivedHeartbeat, _ killed: [String: ContinuousClock.Instant], _ stub: StubServer
    ) throws -> Duration? {
        guard change.heartbeat.event?.kind == .died, let killed = killed[change.heartbeat.agent],
            let observed = change.heartbeat.observedAt, stub.requests.indices.contains(change.request),
            let sent = try stub.requests[change.request].decode(HeartbeatBatch.self).sentAt
        else { return nil }
        let age = Duration.milliseconds(sent.millisecondsSince1970 - observed.millisecondsSince1970)
        let told = change.arrival - age
        return told < killed ? killed - told : told - killed
    }
}

extension [Int64] {
    fileprivate var isRising: Bool { zip(self, dropFirst()).allSatisfy { $0 < $1 } }
}

import TestSupport
import WireProtocol

extension Bench {
    /// Queues a stop for every agent, one after the other, under our runner.
    func commandsUnderOurs(count: Int) async throws -> Samples {
        try await withAgents("command", count: count) { pool in
            try await withRunner(ours, "command", watching: [pool]) { stub in
                var gone: [Duration] = []
                for name in pool.names {
                    try await stub.heldPoll()
                    let events = pool.events(for: .seconds(30))
                    let queued = ContinuousClock.now
                    let command = stub.queue("stop", target: pool.pidFile(of: name), agent: name)
                    for await event in events where event.kind == .gone && event.name == name {
                        gone.append(event.at - queued)
                        break
                    }
                    _ = try await stub.result(of: command.id)
                }
                return Samples(gone)
            }
        }
    }
}

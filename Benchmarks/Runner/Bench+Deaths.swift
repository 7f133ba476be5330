import TestSupport
import WireProtocol

/// What a killed agent's supervisor did, and how fast.
struct DeathFigures: Sendable {
    /// SIGKILL → the server has a heartbeat that says error.
    var told = Samples()
    /// SIGKILL → the same program runs again and has said so.
    var back = Samples()
    var kills = 0
}

extension Bench {
    /// Kills every agent once, one after the other, under our runner.
    func deathsUnderOurs(count: Int) async throws -> DeathFigures {
        try await withAgents("death", count: count) { pool in
            try await withRunner(ours, "death", watching: [pool]) { stub in
                var told: [Duration] = []
                var back: [Duration] = []
                for name in pool.names {
                    let events = pool.events(for: .seconds(10))
                    let killed = try pool.kill(name)
                    let heartbeat = try? await stub.heartbeat(within: .seconds(40)) {
                        ours.isAbout(name, of: pool, $0) && $0.status == .error
                    }
                    if let heartbeat { told.append(heartbeat.arrival - killed) }
                    for await event in events where event.kind == .running && event.name == name {
                        back.append(event.at - killed)
                        break
                    }
                    // A sleep, so that the next kill meets the runner at a random moment of what it does afterwards.
                    try await Task.sleep(for: .milliseconds(.random(in: 5...40)))
                }
                return DeathFigures(told: Samples(told), back: Samples(back), kills: pool.names.count)
            }
        }
    }
}

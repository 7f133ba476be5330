import TestSupport
import WireProtocol

/// What the Python runner needed.
struct PythonFigures: Sendable {
    var told = Samples()
    var gone = Samples()
}

extension Bench {
    /// Kills and stops agents at random moments of two intervals: the Python runner looks once in 30 s, and polls
    /// once in 10 s, so that its samples can be taken side by side.
    func deathsAndCommands(under python: Contender, count: Int) async throws -> PythonFigures {
        try await withAgents("pydeath", count: count) { deaths in
            try await withAgents("pycommand", count: count) { commands in
                try await withRunner(python, "latency", watching: [deaths, commands]) { stub in
                    async let told = self.told(of: deaths, under: python, stub: stub)
                    async let gone = self.gone(from: commands, stub: stub)
                    return try await PythonFigures(told: told, gone: gone)
                }
            }
        }
    }

    private func told(of pool: AgentPool, under python: Contender, stub: StubServer) async throws -> Samples {
        try await withThrowingTaskGroup(of: Duration.self) { group in
            for name in pool.names {
                group.addTask {
                    try await Task.sleep(for: .seconds(.random(in: 0..<60)))
                    let killed = try pool.kill(name)
                    let heartbeat = try await stub.heartbeat(within: .seconds(70)) {
                        python.isAbout(name, of: pool, $0) && $0.status == .error
                    }
                    return heartbeat.arrival - killed
                }
            }
            return try await Samples(group.reduce(into: []) { $0.append($1) })
        }
    }

    private func gone(from pool: AgentPool, stub: StubServer) async throws -> Samples {
        try await withThrowingTaskGroup(of: Duration?.self) { group in
            for name in pool.names {
                group.addTask {
                    try await Task.sleep(for: .seconds(.random(in: 0..<60)))
                    let events = pool.events(for: .seconds(40))
                    let queued = ContinuousClock.now
                    stub.queue("stop", target: pool.pidFile(of: name))
                    for await event in events where event.kind == .gone && event.name == name {
                        return event.at - queued
                    }
                    return nil
                }
            }
            return try await Samples(group.reduce(into: []) { if let sample = $1 { $0.append(sample) } })
        }
    }
}

import TestSupport

/// How fast targets are back under two runners, of which one has a server that answers nothing.
struct HangingFigures: Sendable {
    var answered = Samples()
    var hanging = Samples()
    var kills = 0
}

extension Bench {
    /// Kills a target of the one runner and a target of the other in turn.
    func restartsBesideHangingServer(count: Int) async throws -> HangingFigures {
        try await withAgents("answered", count: count) { answered in
            try await withAgents("hanging", count: count) { hanging in
                try await withRunner(ours, "answered", watching: [answered]) { _, first in
                    try await withRunner(ours, "hanging", watching: [hanging]) { stub, second in
                        // Connections are taken, requests are read, and that is all.
                        stub.script(.any, always: .hang)
                        await stub.cutConnections()
                        return try await restarts(in: answered, and: hanging, of: [first, second])
                    }
                }
            }
        }
    }

    private func restarts(
        in answered: AgentPool, and hanging: AgentPool, of runners: [ChildProcess]
    ) async throws -> HangingFigures {
        var back: (answered: [Duration], hanging: [Duration]) = ([], [])
        for (index, (one, other)) in zip(answered.names, hanging.names).enumerated() {
            guard !runners.contains(where: \.hasEnded) else { throw BenchmarkError.runnerEnded }
            // Each comes first as often as the other.
            for isAnswered in index.isMultiple(of: 2) ? [true, false] : [false, true] {
                if isAnswered, let time = try await restart(of: one, in: answered) { back.answered.append(time) }
                if !isAnswered, let time = try await restart(of: other, in: hanging) { back.hanging.append(time) }
            }
        }
        return HangingFigures(
            answered: Samples(back.answered), hanging: Samples(back.hanging), kills: answered.names.count)
    }

    /// SIGKILL → running again; nil when that took too long.
    private func restart(of name: String, in pool: AgentPool) async throws -> Duration? {
        // A sleep, so that the kill meets the runner at a random moment of what it does after the last one.
        try await Task.sleep(for: .milliseconds(.random(in: 5...40)))
        let events = pool.events(for: .seconds(10))
        let killed = try pool.kill(name)
        for await event in events where event.kind == .running && event.name == name { return event.at - killed }
        return nil
    }
}

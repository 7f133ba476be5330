import TestSupport

extension Bench {
    /// Starts each contender again and again, in turn, and takes the time to its first heartbeat.
    func starts(count: Int) async throws -> [Contender.Kind: Samples] {
        try await withAgents("start", count: 1) { pool in
            var samples: [Contender.Kind: [Duration]] = [:]
            for turn in 1...count {
                for contender in [ours, python].compactMap({ $0 }) {
                    samples[contender.kind, default: []].append(try await start(of: contender, turn, pool))
                }
            }
            return samples.mapValues { Samples($0) }
        }
    }

    private func start(of contender: Contender, _ turn: Int, _ pool: AgentPool) async throws -> Duration {
        try await withStubServer { stub in
            let runner = try contender.start("start-\(turn)", watching: [pool], reportingTo: stub)
            do {
                let first = try await stub.heartbeat(within: .seconds(20))
                await runner.end()
                return first.arrival - runner.started
            } catch {
                await runner.end()
                throw BenchmarkError.notReady("\(error)", log: contender.logEnd(of: "start-\(turn)"))
            }
        }
    }
}

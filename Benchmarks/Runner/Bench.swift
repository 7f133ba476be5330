import TestSupport

/// Where the measurements run, and with what.
struct Bench: Sendable {
    let ours: Contender
    /// `nil` when the Python runner is not there.
    let python: Contender?
    /// `nil` when monit is not installed.
    let monit: Monit?
    /// The compiled `benchmark-agent.c`.
    let agent: String
    let directory: String

    /// Runs `body` with agents that are gone afterwards.
    func withAgents<Result>(
        _ name: String, count: Int, _ body: (AgentPool) async throws -> Result
    ) async throws -> Result {
        let pool = try await AgentPool(name, count: count, in: directory, program: agent)
        do {
            let result = try await body(pool)
            await pool.end()
            return result
        } catch {
            await pool.end()
            throw error
        }
    }

    /// Runs `body` beside a contender that reported every agent of the pools, and ends it afterwards.
    ///
    /// - Throws: also when the contender ended by itself, with the end of its log.
    func withRunner<Result>(
        _ contender: Contender, _ run: String, watching pools: [AgentPool],
        _ body: (StubServer, ChildProcess) async throws -> Result
    ) async throws -> Result {
        try await withStubServer { stub in
            let runner = try contender.start(run, watching: pools, reportingTo: stub)
            do {
                try await contender.ready(run, watching: pools, reportingTo: stub)
                let result = try await body(stub, runner)
                guard !runner.hasEnded else { throw BenchmarkError.runnerEnded }
                await runner.end()
                return result
            } catch {
                guard !runner.hasEnded else {
                    throw BenchmarkError.notReady("\(contender.kind.rawValue) ended", log: contender.logEnd(of: run))
                }
                await runner.end()
                throw error
            }
        }
    }
}

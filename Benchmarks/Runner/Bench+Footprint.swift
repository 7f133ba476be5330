import TestSupport

/// What each supervisor used with the same number of targets.
struct Footprints: Sendable {
    var ours: Footprint
    var oursOverTLS: Footprint?
    var python: Footprint?
    var monit: Footprint?
}

extension Bench {
    /// Measures all supervisors side by side, each for the same minute: what is read is counted per process.
    func footprints(targets count: Int) async throws -> Footprints {
        try await withCrowd(count: count) { crowd in
            async let ours = footprint(of: ours, "\(count)", crowd)
            async let secure = securely(count, crowd)
            async let python = optionally(python) { try await footprint(of: $0, "\(count)", crowd) }
            async let monit = optionally(monit) { try await footprint(of: $0, "\(count)", crowd) }
            return try await Footprints(ours: ours, oursOverTLS: secure, python: python, monit: monit)
        }
    }

    /// Measures ours alone.
    func footprintOfOurs(targets count: Int) async throws -> Footprint {
        try await withCrowd(count: count) { try await footprint(of: ours, "growth-\(count)", $0) }
    }

    /// Runs `body` beside that many sleeping processes, which are gone afterwards.
    func withCrowd<Result>(
        count: Int, _ body: (Crowd) async throws -> Result
    ) async throws -> Result {
        let crowd = try await Crowd(count: count, in: directory, program: agent)
        do {
            let result = try await body(crowd)
            await crowd.end()
            return result
        } catch {
            await crowd.end()
            throw error
        }
    }

    private func optionally<Value: Sendable, Result: Sendable>(
        _ value: Value?, _ body: (Value) async throws -> Result
    ) async throws -> Result? {
        guard let value else { return nil }
        return try await body(value)
    }

    // MARK: One supervisor

    private func securely(_ count: Int, _ crowd: Crowd) async throws -> Footprint? {
        let authority = try await TestAuthority()
        let identity = try await authority.identity(for: "DNS:localhost")
        return try await footprint(of: ours, "tls-\(count)", crowd, authority, .init(identity: identity))
    }

    private func footprint(
        of contender: Contender, _ run: String, _ crowd: Crowd, _ authority: TestAuthority? = nil,
        _ configuration: StubServer.Configuration = .init()
    ) async throws -> Footprint {
        let run = "footprint-" + run
        return try await withStubServer(configuration) { stub in
            let runner = try contender.start(
                run, targets: crowd.pidFiles.map { "process:" + $0 }, reportingTo: stub, trusting: authority)
            do {
                try await contender.ready(run, count: crowd.pidFiles.count, reportingTo: stub)
                let footprint = try await footprint(of: runner) { stub.requests.map(\.arrival) }
                await runner.end()
                return footprint
            } catch {
                await runner.end()
                throw BenchmarkError.notReady("\(error)", log: contender.logEnd(of: run))
            }
        }
    }

    private func footprint(of monit: Monit, _ run: String, _ crowd: Crowd) async throws -> Footprint {
        let process = try monit.start(run, watching: crowd.pidFiles)
        do {
            let footprint = try await footprint(of: process) { [] }
            await process.end()
            return footprint
        } catch {
            await process.end()
            throw error
        }
    }

    /// Measures from 25 s to 85 s after it was ready: two rounds of 30 s, and nothing of the start.
    private func footprint(
        of process: ChildProcess, arrivals: () -> [ContinuousClock.Instant]
    ) async throws -> Footprint {
        try await Task.sleep(for: .seconds(25))
        let meter = ProcessMeter(id: process.id)
        var counter = try SwitchCounter(meter)
        let cpuBefore = try meter.cpuTime()
        let begin = ContinuousClock.now
        for stretch in 1...240 {
            try await Task.sleep(until: begin + .milliseconds(250 * stretch))
            try counter.read()
        }
        let cpu = try meter.cpuTime() - cpuBefore
        guard !process.hasEnded else { throw BenchmarkError.runnerEnded }
        return Footprint(
            cpu: cpu, memory: try meter.memory(), threads: try meter.voluntarySwitches().count,
            switches: counter.switches(besides: arrivals()))
    }
}

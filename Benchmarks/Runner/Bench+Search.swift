import TestSupport
import WireProtocol

/// What looking for a process by its command line takes.
struct SearchFigures: Sendable {
    /// CPU time in a second without such a process.
    var cpuASecond: Duration
    /// The process was started → the server is told that it runs.
    var found: Samples
}

extension Bench {
    /// Lets our runner look for a process beside a crowd, and starts and kills that process again and again.
    ///
    /// - Parameters:
    ///   - crowd: How many other processes there are.
    ///   - count: How many times it is to be found.
    func search(beside crowd: Int, count: Int) async throws -> SearchFigures {
        // sleep(1) sleeps for the sum of its arguments, so one of them can be a name.
        let name = "0.918273645"
        let target = "process:match:" + name
        return try await withCrowd(count: crowd) { _ in
            try await withStubServer { stub in
                let runner = try ours.start(
                    "search", targets: ["bot=" + target],
                    settings: "targets:\n  \"bot=\(target)\":\n    restart-policy: never\n", reportingTo: stub)
                do {
                    let figures = try await figures(of: runner, seeking: name, count: count, reportingTo: stub)
                    await runner.end()
                    return figures
                } catch {
                    await runner.end()
                    throw BenchmarkError.notReady("\(error)", log: ours.logEnd(of: "search"))
                }
            }
        }
    }

    private func figures(
        of runner: ChildProcess, seeking name: String, count: Int, reportingTo stub: StubServer
    ) async throws -> SearchFigures {
        var index = try await stub.heartbeat().index
        try await Task.sleep(for: .seconds(10))
        let meter = ProcessMeter(id: runner.id)
        let before = try meter.cpuTime()
        try await Task.sleep(for: .seconds(20))
        let cpu = try meter.cpuTime() - before
        var found: [Duration] = []
        for _ in 0..<count {
            let sought = try ChildProcess(["/bin/sleep", "86400", name])
            let up = try? await stub.heartbeat(after: index) { $0.status == .ok }
            sought.signal(9)
            await sought.ended()
            guard let up else { break }
            found.append(up.arrival - sought.started)
            index = try await stub.heartbeat(after: up.index) { $0.status == .error }.index
            // A sleep, so that the next one meets the runner at a random moment.
            try await Task.sleep(for: .milliseconds(.random(in: 50...950)))
        }
        return SearchFigures(cpuASecond: cpu / 20, found: Samples(found))
    }
}

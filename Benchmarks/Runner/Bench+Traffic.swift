import TestSupport

extension Bench {
    /// Counts the requests of one minute with 1,000 agents at an interval of 30 s.
    func requestsAMinute(under contender: Contender) async throws -> Int {
        try await withAgents(contender.kind.rawValue + "many", count: 1000) { pool in
            try await withRunner(contender, "many", watching: [pool]) { stub, _ in
                // From the middle of an interval to the middle of another: a minute holds two rounds, and a window that
                // begins with one would sometimes count three.
                try await Task.sleep(for: .seconds(15))
                let start = ContinuousClock.now
                try await Task.sleep(for: .seconds(60))
                let window = start..<start + .seconds(60)
                return stub.requests.count { window.contains($0.arrival) }
            }
        }
    }
}

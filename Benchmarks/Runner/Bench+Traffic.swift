import TestSupport

/// What a runner sent in one minute.
struct Traffic: Sendable {
    var requests: Int
    /// Heads and bodies, as they came in.
    var bytes: Int
}

extension Bench {
    /// Counts what is sent in one minute with 1,000 agents at an interval of 30 s.
    func trafficAMinute(under contender: Contender) async throws -> Traffic {
        try await withAgents(contender.kind.rawValue + "many", count: 1000) { pool in
            try await withRunner(contender, "many", watching: [pool]) { stub, _ in
                // From the middle of an interval to the middle of another: a minute holds two rounds, and a window that
                // begins with one would sometimes count three.
                try await Task.sleep(for: .seconds(15))
                let requestsBefore = stub.requests.count
                let bytesBefore = stub.bytesReceived
                try await Task.sleep(for: .seconds(60))
                return Traffic(
                    requests: stub.requests.count - requestsBefore, bytes: stub.bytesReceived - bytesBefore)
            }
        }
    }
}

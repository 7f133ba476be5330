package import Supervision
package import WatcherAPI

/// Observes a target while `body` runs, and ends the observation after it.
package func observing<Result>(
    _ watcher: any Watcher, _ target: TargetID, _ body: (ObservationReader) async throws -> Result
) async throws -> Result {
    // Unbounded: a test reads all of it, or ends.
    let (stream, continuation) = AsyncStream.makeStream(of: Observation.self)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            defer { continuation.finish() }
            await watcher.observe([target]) { continuation.yield($1) }
        }
        let result = try await body(ObservationReader(stream))
        group.cancelAll()
        try await group.waitForAll()
        return result
    }
}

/// The observations of a target, one after the other.
package final class ObservationReader {
    private var iterator: AsyncStream<Observation>.Iterator
    private var passed: [Observation] = []

    init(_ stream: AsyncStream<Observation>) {
        iterator = stream.makeAsyncIterator()
    }

    /// The next observation.
    package func next() async throws -> Observation {
        guard let observation = await iterator.next(isolation: #isolation) else {
            throw ConformanceFailure("the observation ended; seen before: \(passed)")
        }
        passed.append(observation)
        return observation
    }

    /// Waits for an observation that `pick` makes something of, passing over the others.
    package func first<Value>(_ pick: (Observation) -> Value?) async throws -> Value {
        while true {
            let observation = try await next()
            if let value = pick(observation) { return value }
        }
    }

    /// Waits until the target is seen alive.
    package func alive() async throws -> Identity {
        try await first { observation in
            if case .alive(let identity) = observation.liveness { return identity }
            return nil
        }
    }

    /// Waits until it is seen alive as another life.
    package func alive(otherThan former: Identity) async throws -> Identity {
        try await first { observation in
            if case .alive(let identity) = observation.liveness, identity != former { return identity }
            return nil
        }
    }

    /// Waits until it is seen dead.
    package func dead() async throws -> End {
        try await first { observation in
            if case .dead(let end) = observation.liveness { return end }
            return nil
        }
    }
}

/// What a watcher did against its contract.
package struct ConformanceFailure: Error, CustomStringConvertible {
    package var description: String

    package init(_ description: String) {
        self.description = description
    }
}

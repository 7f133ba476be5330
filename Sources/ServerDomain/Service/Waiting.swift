/// Waits for a bell with a time limit.
package enum Waiting {
    /// How a wait ended.
    package enum Outcome: Sendable {
        case rung, timedOut
        /// The server goes down, or the request was cancelled.
        case ended
    }

    /// Waits until the stream yields or the steady clock reads `deadline`; without one, for the stream alone.
    package static func wait(
        for bell: AsyncStream<Void>, until deadline: Duration?, on clock: ServerClock
    ) async -> Outcome {
        await withTaskGroup(of: Outcome.self) { group in
            group.addTask {
                for await _ in bell { return .rung }
                return .ended
            }
            if let deadline {
                group.addTask {
                    do {
                        try await clock.sleep(deadline)
                        return .timedOut
                    } catch {
                        return .ended
                    }
                }
            }
            defer { group.cancelAll() }
            return await group.next() ?? .ended
        }
    }
}

/// The body of `POST /heartbeat/batch` as our runner sends it.
package struct HeartbeatBatch: Sendable, Hashable, Codable {
    package var heartbeats: [Heartbeat]
    package var sentAt: WireTime?
    package var runner: RunnerInfo?

    package init(heartbeats: [Heartbeat], sentAt: WireTime? = nil, runner: RunnerInfo? = nil) {
        self.heartbeats = heartbeats
        self.sentAt = sentAt
        self.runner = runner
    }

    package enum CodingKeys: String, CodingKey {
        case heartbeats, runner
        case sentAt = "sent_at"
    }
}

/// Who sends: the daemon on one host.
package struct RunnerInfo: Sendable, Hashable, Codable {
    /// `starting` opens a life of the runner, `stopping` ends it in good order.
    package enum State: String, Sendable, Hashable, Codable, CaseIterable {
        case starting, running, stopping
    }

    package var id: String
    package var hostname: String?
    package var version: String?
    package var bootID: String?
    package var state: State
    /// Why it stops; only with `stopping`.
    package var reason: String?

    package init(
        id: String, hostname: String? = nil, version: String? = nil, bootID: String? = nil, state: State = .running,
        reason: String? = nil
    ) {
        self.id = id
        self.hostname = hostname
        self.version = version
        self.bootID = bootID
        self.state = state
        self.reason = reason
    }

    package enum CodingKeys: String, CodingKey {
        case id, hostname, version, state, reason
        case bootID = "boot_id"
    }
}

/// The sizes a client keeps its batches under, and the server enforces.
package enum WireLimits {
    /// Items in one batch.
    package static let batchItems = 100
    /// Bytes of one batch body as a client sends it.
    package static let batchBytes = 900 * 1024
    /// Bytes of any request body that a server takes.
    package static let bodyBytes = 1024 * 1024
    /// Characters of an agent's name.
    package static let agentName = 200
    /// Characters of a message that are kept.
    package static let message = 2_000
    /// Characters of an idempotency key.
    package static let eventID = 64
    /// Seconds a long poll may be held.
    package static let longPollSeconds = 60
}

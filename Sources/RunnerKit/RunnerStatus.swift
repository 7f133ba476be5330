package import WireProtocol

/// How a runner and its targets are, for an operator of its host: what the control socket says (docs/control-socket.md).
package struct RunnerStatus: Sendable, Hashable, Codable {
    package struct Runner: Sendable, Hashable, Codable {
        package var id: String
        package var version: String
        package var hostname: String
        package var pid: Int32
        package var startedAt: WireTime
        package var endpoint: String
        /// When the server last took a heartbeat; nil for not yet.
        package var lastHeartbeatAt: WireTime?
        /// Why the server does not take heartbeats at present; nil when it does, or was not asked yet.
        package var serverTrouble: String?
        /// State changes that the server has not taken yet.
        package var undelivered: Int
        /// How the settings were read again last; nil for never.
        package var reload: Reload?

        private enum CodingKeys: String, CodingKey {
            case id, version, hostname, pid, endpoint, undelivered, reload
            case startedAt = "started_at"
            case lastHeartbeatAt = "last_heartbeat_at"
            case serverTrouble = "server_trouble"
        }
    }

    package struct Reload: Sendable, Hashable, Codable {
        package var at: WireTime
        /// They are in force.
        package var ok: Bool
        /// What is wrong with them, a line each.
        package var problems: [String]
        /// What is in force only after the next start.
        package var pending: [String]
    }

    package struct Pause: Sendable, Hashable, Codable {
        /// Nil for not before it is resumed.
        package var until: WireTime?
    }

    /// Something that happened to a target.
    package struct Event: Sendable, Hashable, Codable {
        /// `TYPE:NAME`.
        package var target: String
        package var agent: String
        /// As on the wire: `died`, `restarted`, …
        package var kind: String
        package var message: String?
        package var at: WireTime
    }

    package struct Target: Sendable, Hashable, Codable {
        /// `TYPE:NAME`.
        package var target: String
        package var agent: String
        /// What the server is told: `ok`, `warning`, `error` or `shutdown`.
        package var status: String
        /// Where supervision stands.
        package var state: TargetState
        package var message: String?
        /// When the life that is up began, else when the status did.
        package var since: WireTime
        package var pid: Int32?
        /// How often this runner has brought it up.
        package var restarts: Int
        package var memoryMB: Double?
        package var policy: String
        package var pause: Pause?
        /// When it is started next.
        package var nextAttemptAt: WireTime?
        package var lastEvent: Event?

        private enum CodingKeys: String, CodingKey {
            case target, agent, status, state, message, since, pid, restarts, policy, pause
            case memoryMB = "memory_mb"
            case nextAttemptAt = "next_attempt_at"
            case lastEvent = "last_event"
        }
    }

    package var runner: Runner
    package var targets: [Target]
}

/// Where the supervision of a target stands, in a word.
package enum TargetState: String, Sendable, Hashable, Codable, CaseIterable {
    case running
    /// It came up and has not stayed up long enough yet, or is being started.
    case starting
    /// It is to be started, and waits for its time or for the end of a pause.
    case backoff
    case stopping
    /// Held down by a `stop` command.
    case stopped
    /// Down, and nothing is planned.
    case exited
    /// Left to its own supervisor, which is at it.
    case left
    /// It can't be told.
    case unknown
}

/// The state change that a heartbeat carries, with what is known of it.
package struct HeartbeatEvent: Sendable, Hashable, Codable {
    package enum Kind: Sendable, Hashable {
        case started, died, exited, unhealthy, recovered, stopped, restarting, restarted
        case restartFailed, crashLoop, unknown, missing, paused, resumed, unwatched, evidence
        /// A kind that a newer peer knows and this one does not.
        case other(String)
    }

    package var kind: Kind
    package var exitCode: Int?
    /// The signal that ended the process, by number (signal(7)).
    package var signal: Int?
    /// Whether the kernel's out-of-memory killer ended it.
    package var oom: Bool?
    package var pid: Int?
    /// Which restart this is since the target was last healthy, from 1.
    package var attempt: Int?
    /// Seconds until the next restart.
    package var nextAttemptIn: Double?

    package init(
        kind: Kind, exitCode: Int? = nil, signal: Int? = nil, oom: Bool? = nil, pid: Int? = nil,
        attempt: Int? = nil, nextAttemptIn: Double? = nil
    ) {
        self.kind = kind
        self.exitCode = exitCode
        self.signal = signal
        self.oom = oom
        self.pid = pid
        self.attempt = attempt
        self.nextAttemptIn = nextAttemptIn
    }

    package enum CodingKeys: String, CodingKey {
        case kind, signal, oom, pid, attempt
        case exitCode = "exit_code"
        case nextAttemptIn = "next_attempt_in"
    }
}

extension HeartbeatEvent.Kind: RawRepresentable, Codable, CaseIterable {
    /// Every kind this version knows.
    package static let allCases: [HeartbeatEvent.Kind] = [
        .started, .died, .exited, .unhealthy, .recovered, .stopped, .restarting, .restarted, .restartFailed,
        .crashLoop, .unknown, .missing, .paused, .resumed, .unwatched, .evidence,
    ]

    package init(rawValue: String) {
        self = Self.allCases.first { $0.rawValue == rawValue } ?? .other(rawValue)
    }

    package var rawValue: String {
        switch self {
        case .started: "started"
        case .died: "died"
        case .exited: "exited"
        case .unhealthy: "unhealthy"
        case .recovered: "recovered"
        case .stopped: "stopped"
        case .restarting: "restarting"
        case .restarted: "restarted"
        case .restartFailed: "restart_failed"
        case .crashLoop: "crash_loop"
        case .unknown: "unknown"
        case .missing: "missing"
        case .paused: "paused"
        case .resumed: "resumed"
        case .unwatched: "unwatched"
        case .evidence: "evidence"
        case .other(let name): name
        }
    }
}

import WireProtocol

/// What the server was told of one target.
struct StormTelling: Sendable {
    /// The PIDs of what died, in the order told.
    private(set) var ends: [Int32] = []
    private(set) var starts: [Int32] = []
    /// Those that were told as up for good.
    private(set) var up: Set<Int32> = []
    /// How many starts came to nothing.
    private(set) var failures = 0
    private(set) var faults: [String] = []

    /// - Parameter heartbeats: all that came, in order of arrival.
    init(of agent: String, in heartbeats: [Heartbeat]) {
        var known: Set<String> = []
        var last: Int64 = -1
        for heartbeat in heartbeats where heartbeat.agent == agent {
            // Sent once more after a connection that broke: the same event.
            guard let event = heartbeat.event, let id = heartbeat.eventID, known.insert(id).inserted else { continue }
            if let seq = heartbeat.seq {
                if seq <= last { faults.append("event \(seq) came after \(last)") }
                last = seq
            }
            take(event, heartbeat.status)
        }
    }

    private mutating func take(_ event: HeartbeatEvent, _ status: HeartbeatStatus) {
        let pid = event.pid.map(Int32.init(clamping:)) ?? 0
        switch event.kind {
        case .died, .exited: ends.append(pid)
        case .started, .recovered:
            starts.append(pid)
            if status == .ok { up.insert(pid) }
        case .restarted: up.insert(pid)
        case .restartFailed: failures += 1
        case .restarting, .crashLoop, .evidence: break
        case .unhealthy, .stopped, .unknown, .missing, .paused, .resumed, .unwatched, .other:
            faults.append("told as \(event.kind.rawValue)")
        }
    }
}

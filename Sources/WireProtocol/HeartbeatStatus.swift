/// What a sender says of an agent in one heartbeat.
package enum HeartbeatStatus: String, Sendable, Hashable, Codable, CaseIterable {
    case ok
    /// Unknown, starting, paused, ambiguous, doubtful, or somebody else is bringing it back.
    case warning
    /// Down, unhealthy, missing, restart failed, or in a crash loop.
    case error
    /// Stopped on purpose: no alarm follows its silence.
    case shutdown
}

package import WireProtocol

/// What the server is to hear of a target.
package struct TargetReport: Sendable, Hashable {
    package var status: HeartbeatStatus
    package var message: String?
    /// Set on a state change; a report without one only replaces what the next heartbeat says.
    @Rare package var event: HeartbeatEvent?
    package var memoryMB: Double?

    package init(
        status: HeartbeatStatus, message: String? = nil, event: HeartbeatEvent? = nil, memoryMB: Double? = nil
    ) {
        self.status = status
        self.message = message
        self.event = event
        self.memoryMB = memoryMB
    }
}

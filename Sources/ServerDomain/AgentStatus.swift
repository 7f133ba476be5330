package import WireProtocol

/// What the server says of an agent; the order of the cases is from worst to best.
package enum AgentStatus: String, Sendable, Hashable, Codable, CaseIterable {
    case down, error, warning, unknown, ok, shutdown

    /// Takes over what a sender said of itself.
    package init(_ reported: HeartbeatStatus) {
        switch reported {
        case .ok: self = .ok
        case .warning: self = .warning
        case .error: self = .error
        case .shutdown: self = .shutdown
        }
    }

    /// Finds the status that decides over all the others; an agent that nobody reports any more is unknown.
    package static func worst(of statuses: some Sequence<AgentStatus>) -> AgentStatus {
        let present = Set(statuses)
        return allCases.first { present.contains($0) } ?? .unknown
    }
}

/// Names one project: the owner of agents, runners, keys and events.
package struct ProjectID: RawRepresentable, Sendable, Hashable {
    package var rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// Names one agent for good; unique over all projects.
package struct AgentID: RawRepresentable, Sendable, Hashable, Comparable {
    package var rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }

    package static func < (lhs: AgentID, rhs: AgentID) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// Names one command; never given twice, not even by a new installation.
package struct CommandID: RawRepresentable, Sendable, Hashable, Comparable {
    package var rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }

    package static func < (lhs: CommandID, rhs: CommandID) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// Names one runner, as it named itself in `X-Runner-Id`.
package struct RunnerID: RawRepresentable, Sendable, Hashable {
    package var rawValue: String

    /// Takes 1–64 letters, digits, `-`, `_`, `.` or `:`; anything else is no runner's id.
    package init?(rawValue: String) {
        let allowed = rawValue.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"): true
            default: false
            }
        }
        guard allowed, (1...64).contains(rawValue.utf8.count) else { return nil }
        self.rawValue = rawValue
    }
}

/// Names one reporter of one agent: a runner by its id, or everything that reports without one.
package struct InstanceID: Sendable, Hashable {
    package var agent: AgentID
    package var runner: RunnerID?

    package init(agent: AgentID, runner: RunnerID?) {
        self.agent = agent
        self.runner = runner
    }
}

/// Names one delivery that must count once: the sender's `event_id` within its project.
package struct EventKey: Sendable, Hashable {
    package var project: ProjectID
    package var eventID: String

    package init(project: ProjectID, eventID: String) {
        self.project = project
        self.eventID = eventID
    }
}

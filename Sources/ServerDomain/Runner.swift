import WireProtocol

/// One runner daemon on one host.
package struct Runner: Sendable, Hashable {
    /// Where it is in its life, as the server sees it.
    package enum State: Sendable, Hashable {
        case starting, running
        case stopped(reason: String?)
        /// Nothing came from it in time; since its last word.
        case silent(since: Moment)
    }

    package var id: RunnerID
    package var project: ProjectID
    package var hostname: String?
    package var version: String?
    package var bootID: String?
    package var state: State
    /// Any request that carried its id.
    package var lastSeen: Moment
    /// The newest heartbeat or batch of its.
    package var lastHeard: Moment

    package init(
        id: RunnerID, project: ProjectID, hostname: String? = nil, version: String? = nil, bootID: String? = nil,
        state: State = .running, lastSeen: Moment, lastHeard: Moment
    ) {
        self.id = id
        self.project = project
        self.hostname = hostname
        self.version = version
        self.bootID = bootID
        self.state = state
        self.lastSeen = lastSeen
        self.lastHeard = lastHeard
    }

    /// What people call it: the host's name if it said one.
    package var displayName: String { hostname ?? rawID }

    private var rawID: String { id.rawValue }
}

extension Runner.State {
    /// The word the API uses.
    package var name: String {
        switch self {
        case .starting: "starting"
        case .running: "running"
        case .stopped: "stopped"
        case .silent: "silent"
        }
    }
}

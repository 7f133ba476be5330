package import SystemSupport

/// Why a process can't be started again safely.
package enum LaunchObstacle: Error, Sendable, Hashable, CustomStringConvertible {
    case neverSeen
    case unreadable
    case titleInsteadOfArguments
    case otherUser(UInt32)
    case mixedIDs
    case otherGroups
    case privilegedExecutable
    case executableGone(String)
    case otherNamespace(String)
    case otherRoot(String)
    case container
    case service(String)
    case startNotFound(String)
    case notExecutable(String, user: UInt32)
    case capabilities
    /// Children of the runner would live in its own service.
    case ownService(String, runnerIsRoot: Bool)

    package var description: String {
        switch self {
        case .neverSeen: "it was never seen alive, so how it is started is not known: set start: for it"
        case .unreadable: "how it was started can't be read: set start: for it"
        case .titleInsteadOfArguments: "it has overwritten its own command line: set start: for it"
        case .otherUser(let user):
            "it runs as user \(user), and only root may start it again: run the runner as root or as that user"
        case .mixedIDs: "its real, effective, saved and file system ids differ"
        case .otherGroups: "its groups are not the runner's"
        case .privilegedExecutable: "its executable is setuid or setgid or has file capabilities"
        case .executableGone(let path): "its executable \(path) is gone"
        case .otherNamespace(let kind): "it lives in another \(kind) namespace than the runner"
        case .otherRoot(let path): "its root directory is \(path)"
        case .container: "it runs in a container: watch it as docker:"
        case .service(let name): "it runs in the service \(name): watch it as systemd:\(name)"
        case .notExecutable(let path, let user): "its executable \(path) can't be executed by user \(user)"
        case .capabilities: "it has other capabilities than it would get when started again"
        case .ownService(let name, let runnerIsRoot):
            "the runner itself runs in the service \(name), and what it starts would be confined and stopped with it: "
                + (runnerIsRoot
                    ? "let it reach /run/systemd/private" : "run the runner as root, or outside of a service")
        case .startNotFound(let program): "start: names \(program), which is no executable file"
        }
    }
}

/// Who the runner is, and where what it starts will live.
package struct RunnerFacts: Sendable, Hashable {
    package var status: ProcessStatus
    package var surroundings: ProcessSurroundings
    package var root: ByteText?
    /// The bounding capabilities of what it starts.
    package var givenCapabilities: UInt64
    /// How the cgroups of units begin that were made for what it starts.
    package var launchCgroups: Set<String> = []
    /// The service in which what it starts would live, too.
    package var service: String?

    package init(status: ProcessStatus, surroundings: ProcessSurroundings, root: ByteText?, givenCapabilities: UInt64) {
        self.status = status
        self.surroundings = surroundings
        self.root = root
        self.givenCapabilities = givenCapabilities
    }

    /// What keeps the runner from starting anything.
    package var obstacle: LaunchObstacle? {
        service.map { .ownService($0, runnerIsRoot: status.effectiveUser == 0) }
    }
}

extension LaunchObstacle {
    /// Says what of a living process keeps the runner from starting it again; nil when nothing does.
    package static func find(in facts: ProcessFacts, runner: RunnerFacts) -> LaunchObstacle? {
        surroundings(facts, runner) ?? ids(facts.status, runner.status) ?? privileges(facts, runner)
    }

    private static func surroundings(_ facts: ProcessFacts, _ runner: RunnerFacts) -> LaunchObstacle? {
        let theirs = facts.surroundings.cgroups
        let ours = runner.surroundings.cgroups
        if !theirs.containers.isSubset(of: ours.containers) { return .container }
        let foreign = theirs.services.subtracting(ours.services).filter { service in
            !runner.launchCgroups.contains { service.hasPrefix($0) && !service.dropFirst($0.count).contains("/") }
        }
        if let service = foreign.min() {
            return .service(String(service.split(separator: "/").last ?? "?"))
        }
        for (kind, link) in facts.surroundings.namespaces.sorted(by: { $0.key < $1.key })
        where link != runner.surroundings.namespaces[kind] {
            return .otherNamespace(kind)
        }
        if let root = facts.root, root != runner.root { return .otherRoot(root.description) }
        return nil
    }

    private static func ids(_ theirs: ProcessStatus, _ ours: ProcessStatus) -> LaunchObstacle? {
        guard let user = theirs.users.first, Set(theirs.users).count == 1, Set(theirs.groups).count == 1 else {
            return .mixedIDs
        }
        // Root gives back all ids; anybody else can only keep its own.
        if ours.effectiveUser == 0 { return nil }
        guard user == ours.effectiveUser else { return .otherUser(user) }
        return theirs.groups == ours.groups && theirs.allGroups == ours.allGroups ? nil : .otherGroups
    }

    private static func privileges(_ facts: ProcessFacts, _ runner: RunnerFacts) -> LaunchObstacle? {
        // The file that it runs, not what is in that place by now: its environment was meant to be disregarded.
        if facts.executableFile?.isPrivileged == true { return .privilegedExecutable }
        let status = facts.status
        let isAsGiven = status.boundingCapabilities == runner.givenCapabilities
        // An exec gives root all that is bounding, and others nothing but what is ambient (capabilities(7)).
        let ambient = runner.status.effectiveUser == 0 ? 0 : runner.status.permittedCapabilities
        let expected = status.effectiveUser == 0 ? status.boundingCapabilities : ambient
        return isAsGiven && status.permittedCapabilities == expected ? nil : .capabilities
    }
}

extension ProcessStatus {
    fileprivate var allGroups: Set<UInt32> { Set(groups).union(supplementaryGroups) }
}

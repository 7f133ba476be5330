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

    package var description: String {
        switch self {
        case .neverSeen: "it was never seen alive, so how it is started is not known: set start: for it"
        case .unreadable: "how it was started can't be read: set start: for it"
        case .titleInsteadOfArguments: "it has overwritten its own command line: set start: for it"
        case .otherUser(let user): "it runs as user \(user), not as the runner's user: run a runner as that user"
        case .mixedIDs: "its real, effective, saved and file system ids differ"
        case .otherGroups: "its groups are not the runner's"
        case .privilegedExecutable: "its executable is setuid or setgid or has file capabilities"
        case .executableGone(let path): "its executable \(path) is gone"
        case .otherNamespace(let kind): "it lives in another \(kind) namespace than the runner"
        case .otherRoot(let path): "its root directory is \(path)"
        case .container: "it runs in a container: watch it as docker:"
        case .service(let name): "it runs in the service \(name): watch it as systemd:\(name)"
        case .startNotFound(let program): "start: names \(program), which is no executable file"
        }
    }
}

/// What the runner itself is: what it starts will be the same.
package struct RunnerFacts: Sendable, Hashable {
    package var status: ProcessStatus
    package var surroundings: ProcessSurroundings
    package var root: ByteText?

    package init(status: ProcessStatus, surroundings: ProcessSurroundings, root: ByteText?) {
        self.status = status
        self.surroundings = surroundings
        self.root = root
    }
}

extension LaunchObstacle {
    /// Says what of a living process keeps the runner from starting it again; nil when nothing does.
    package static func find(in facts: ProcessFacts, runner: RunnerFacts) -> LaunchObstacle? {
        surroundings(facts, runner) ?? ids(facts.status, runner.status)
    }

    private static func surroundings(_ facts: ProcessFacts, _ runner: RunnerFacts) -> LaunchObstacle? {
        let theirs = facts.surroundings.cgroups
        let ours = runner.surroundings.cgroups
        if !theirs.containers.isSubset(of: ours.containers) { return .container }
        if let service = theirs.services.subtracting(ours.services).min() {
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
        let user = ours.effectiveUser
        if let other = theirs.users.first(where: { $0 != user }) {
            return Set(theirs.users).count > 1 ? .mixedIDs : .otherUser(other)
        }
        guard Set(theirs.groups).count == 1 else { return .mixedIDs }
        // Root gives back the supplementary groups; anybody else can only keep its own.
        guard theirs.groups == ours.groups, user == 0 || theirs.allGroups == ours.allGroups else { return .otherGroups }
        return nil
    }
}

extension ProcessStatus {
    fileprivate var allGroups: Set<UInt32> { Set(groups).union(supplementaryGroups) }
}

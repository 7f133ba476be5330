import Supervision
import SystemPackage
import SystemSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

// What is watched, and the settings of each.
extension ConfigurationResolver {
    mutating func targets(
        policy: RestartPolicy
    ) -> [(target: WatchedTarget, settings: TargetSettings)] {
        let given =
            options.watch.isEmpty
            ? (environment["CLEVAGENT_WATCH"] ?? "").split(whereSeparator: \.isNewline).map(\.trimmed)
                .filter { !$0.isEmpty }.map { Given(name: "CLEVAGENT_WATCH", value: String($0)) }
            : options.watch.map { Given(name: "--watch", value: $0) }
        if given.isEmpty {
            problems.append(
                .init(
                    .invocation,
                    "nothing to watch: give --watch TYPE:NAME, for instance --watch process:/run/my-bot.pid"))
        }
        var targets: [WatchedTarget] = []
        var seen: Set<TargetID> = []
        var places: Set<TargetID> = []
        var agents: Set<String> = []
        for given in given {
            guard let target = target(given) else { continue }
            guard places.insert(place(of: target.id)).inserted else {
                refuse(given, "is there twice")
                continue
            }
            guard agents.insert(target.agent).inserted else {
                refuse(given, "another target has the agent name '\(target.agent)': write OTHER=\(target.id)")
                continue
            }
            seen.insert(target.id)
            targets.append(target)
        }
        let settings = settingsFile(watched: seen)
        return targets.map { target in
            var result = TargetSettings(policy: policy)
            if let entry = settings[target.id] {
                result.start = entry.start
                result.user = entry.user.flatMap(Self.userID)
                result.grace = entry.grace
                result.backoff.initial = entry.initial ?? result.backoff.initial
                result.backoff.maximum = entry.maximum ?? result.backoff.maximum
            }
            return (target, result)
        }
    }

    /// One name for all spellings of what is watched: two targets for one process would restart it against each other.
    private func place(of id: TargetID) -> TargetID {
        guard id.kind == .process, case .pidFile(let path) = ProcessName(id.name) else { return id }
        return TargetID(kind: .process, name: FilePath(path).lexicallyNormalized().string)
    }

    private mutating func target(_ given: Given) -> WatchedTarget? {
        do throws(WatchedTargetError) {
            let target = try WatchedTarget(parsing: given.value)
            guard kinds.contains(target.id.kind) else {
                refuse(
                    given,
                    "\(target.id.kind.rawValue) targets are not there yet in this version (there is: \(kinds.map(\.rawValue).joined(separator: ", ")))"
                )
                return nil
            }
            if target.id.kind == .process, let problem = processProblem(target.id.name) {
                refuse(given, problem)
                return nil
            }
            return target
        } catch {
            refuse(given, error.description)
            return nil
        }
    }

    private func processProblem(_ name: String) -> String? {
        switch ProcessName(name) {
        case .pidFile(let path):
            if !path.hasPrefix("/") { return "write the absolute path of the PID file" }
            if path.hasSuffix("/") { return "that is a directory: write the path of the PID file" }
            return nil
        case .match(let text):
            if text.hasSuffix(".pid") || access(text, F_OK) == 0 { return "write the absolute path of the PID file" }
            return "targets by command line are not there yet in this version: give the absolute path of a PID file"
        }
    }

    private mutating func settingsFile(watched: Set<TargetID>) -> [TargetID: SettingsFile.Entry] {
        let given = self.given("--config", options.config)
        let path = given.map { FilePath($0.value) } ?? Self.defaultFile
        let name = given.map { "\($0.name) '\(path)'" } ?? "\(path)"
        let text: [UInt8]
        do {
            guard let bytes = try HostFile.read(path, limit: 1 << 20) else {
                if given != nil { problems.append(.init(.file, "\(name): there is no such file")) }
                return [:]
            }
            text = bytes
        } catch {
            problems.append(.init(.file, "\(name): can't be read: \(error)"))
            return [:]
        }
        if let problem = trustProblem(path) {
            problems.append(.init(.file, "\(name): \(problem)"))
            return [:]
        }
        let file = SettingsFile(parsing: text)
        problems += file.problems.map { .init(.file, "\(name): \($0)") }
        var settings: [TargetID: SettingsFile.Entry] = [:]
        for (key, entry) in file.entries {
            let shown = "line \(entry.line): '\(key.prefix(200))'"
            guard let target = try? WatchedTarget(parsing: key), watched.contains(target.id) else {
                problems.append(.init(.file, "\(name): \(shown) is not watched: add --watch for it, or remove it"))
                continue
            }
            guard settings[target.id] == nil else {
                problems.append(.init(.file, "\(name): \(shown) stands there twice"))
                continue
            }
            if let problem = userProblem(entry) { problems.append(.init(.file, "\(name): \(shown): \(problem)")) }
            settings[target.id] = entry
        }
        return settings
    }

    /// A user by name or number; nil when the host knows no such name.
    private static func userID(_ text: String) -> UInt32? {
        // A name of digits is nobody's: useradd(8) allows none. The highest number means "unchanged" (setresuid(2)).
        (UInt32(text) ?? Account.named(text)?.user).flatMap { $0 == .max ? nil : $0 }
    }

    private func userProblem(_ entry: SettingsFile.Entry) -> String? {
        guard let text = entry.user else { return nil }
        guard entry.start != nil else { return "'user' says who 'start' runs as, and there is no 'start'" }
        guard let user = Self.userID(text) else { return "'user': this host knows no user '\(text)'" }
        guard user == self.user || self.user == 0 else {
            return "'user': only root can start it as user '\(text)': run the runner as root, or as that user"
        }
        return nil
    }

    /// The file says what is started as this user: nobody else may be able to write it.
    private func trustProblem(_ path: FilePath) -> String? {
        var facts = stat()
        guard stat(path.string, &facts) == 0 else { return "can't be looked at: \(Errno(rawValue: errno))" }
        guard facts.st_uid == 0 || facts.st_uid == geteuid() else {
            return "belongs to another user (uid \(facts.st_uid)): it must belong to root or to you"
        }
        guard facts.st_mode & 0o022 == 0 else { return "can be written by others: chmod go-w it" }
        return nil
    }
}

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
        policy: RestartPolicy, logTail: Int
    ) -> [(target: WatchedTarget, settings: TargetSettings)] {
        let given = watched()
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
        let settings = settings(watched: seen, given: Set(given.map(\.value)))
        return targets.map { target in
            if user == 0, target.isFoundByCommandLine, settings[target.id]?.user == nil {
                warnings.append(
                    "\(target.id): a process of any user can match it: set user: for it in the settings file")
            }
            var result = TargetSettings(policy: policy, logTail: logTail)
            if let entry = settings[target.id] {
                result.policy = entry.policy ?? policy
                result.logTail = entry.logTail ?? logTail
                result.start = entry.start
                result.user = entry.user
                result.grace = entry.grace
                result.backoff.initial = entry.initial ?? result.backoff.initial
                result.backoff.maximum = entry.maximum ?? result.backoff.maximum
            }
            return (target, result)
        }
    }

    /// What is to be watched, as it was given: by flags, else by the environment, else by all that the file names.
    private func watched() -> [Given] {
        guard options.watch.isEmpty else { return options.watch.map { Given(name: "--watch", value: $0) } }
        let lines = (environment["CLEVAGENT_WATCH"] ?? "").split(whereSeparator: \.isNewline).map(\.trimmed)
            .filter { !$0.isEmpty }
        guard lines.isEmpty else { return lines.map { Given(name: "CLEVAGENT_WATCH", value: String($0)) } }
        guard let file else { return [] }
        let listed = file.content.watch.map { given($0.text, in: file, line: $0.line, "watch") }
        let ids = Set(file.content.watch.compactMap { try? WatchedTarget(parsing: $0.text).id })
        // One that stands in both places has its settings in the one and maybe an agent's name in the other.
        let more = file.content.entries.filter { entry in
            (try? WatchedTarget(parsing: entry.name)).map { !ids.contains($0.id) } ?? true
        }
        return listed + more.map { given($0.name, in: file, line: $0.entry.line, "targets") }
    }

    private func given(_ text: String, in file: ReadFile, line: Int, _ key: String) -> Given {
        Given(name: "\(file.name): line \(line): '\(key)'", value: text, place: .file)
    }

    /// One name for all spellings of what is watched: two targets for one process would restart it against each other.
    private func place(of id: TargetID) -> TargetID {
        if id.kind == .systemd { return TargetID(kind: .systemd, name: UnitName.complete(id.name)) }
        guard id.kind == .process else { return id }
        switch ProcessName(id.name) {
        case .pidFile(let path):
            return TargetID(kind: .process, name: FilePath(path).lexicallyNormalized().string)
        case .match(let text): return TargetID(kind: .process, name: "match:\(text)")
        }
    }

    private mutating func target(_ given: Given) -> WatchedTarget? {
        do throws(WatchedTargetError) {
            let target = try WatchedTarget(parsing: given.value)
            guard kinds.contains(target.id.kind) else {
                let known = kinds.map(\.rawValue).joined(separator: ", ")
                refuse(
                    given,
                    target.id.kind == .launchd
                        ? "launchd is macOS's: there is none on this host (there is: \(known))"
                        : "\(target.id.kind.rawValue) targets are not there yet in this version (there is: \(known))")
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
            let isSaidOutright = name.hasPrefix("match:")
            if !isSaidOutright, text.hasSuffix(".pid") || access(text, F_OK) == 0 {
                return "write the absolute path of the PID file, or process:match:\(text) for a part of a command line"
            }
            // It would go to the server and into logs.
            return ConfigurationProblem.masked(text) == text ? nil : "that looks like an API key: see --api-key-file"
        }
    }

    /// Reads the settings file, if there is one; what it says in the place of flags has its say from here on.
    mutating func readSettingsFile() {
        let given = self.given("--config", options.config)
        let path = given.map { FilePath($0.value) } ?? Self.defaultFile
        let name = given.map { "\($0.name) '\(path)'" } ?? "\(path)"
        do {
            guard let text = try HostFile.read(path, limit: 1 << 20) else {
                if given != nil { problems.append(.init(.file, "\(name): there is no such file")) }
                return
            }
            if let problem = trustProblem(path) {
                problems.append(.init(.file, "\(name): \(problem)"))
                return
            }
            let content = SettingsFile(parsing: text)
            let file = ReadFile(name: name, content: content)
            problems += content.problems.map { .init(.file, "\(name): \($0)") }
            for (key, text, line) in content.texts {
                inSettings["--" + key] = self.given(text, in: file, line: line, key)
            }
            self.file = file
        } catch {
            problems.append(.init(.file, "\(name): can't be read: \(error)"))
        }
    }

    /// What the settings file says about each of the targets.
    ///
    /// - Parameter given: what was to be watched, as it was written.
    private mutating func settings(
        watched: Set<TargetID>, given: Set<String>
    ) -> [TargetID: SettingsFile.Entry] {
        guard let file else { return [:] }
        var settings: [TargetID: SettingsFile.Entry] = [:]
        for (key, entry) in file.content.entries {
            let shown = "\(file.name): line \(entry.line): '\(key.prefix(200))'"
            // One that can't be watched at all was told with the others.
            guard let target = try? WatchedTarget(parsing: key), watched.contains(target.id) else {
                if !given.contains(key) {
                    problems.append(.init(.file, "\(shown) is not watched: add --watch for it, or remove it"))
                }
                continue
            }
            if let problem = userProblem(entry, target) {
                problems.append(.init(.file, "\(shown): \(problem)"))
                continue
            }
            guard settings[target.id] == nil else {
                problems.append(.init(.file, "\(shown) stands there twice"))
                continue
            }
            settings[target.id] = entry
        }
        return settings
    }

    /// What is wrong with `user:`, which says whose processes count and whom `start:` runs as.
    private func userProblem(_ entry: SettingsFile.Entry, _ target: WatchedTarget) -> String? {
        guard let wanted = entry.user else { return nil }
        guard entry.start != nil else {
            return target.isFoundByCommandLine
                ? nil : "'user' is only for process targets without a PID file, and for those with 'start'"
        }
        guard wanted == user || user == 0 else {
            return "'user': only root can start it as user \(wanted): run the runner as root, or as that user"
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

extension WatchedTarget {
    fileprivate var isFoundByCommandLine: Bool {
        guard id.kind == .process, case .match = ProcessName(id.name) else { return false }
        return true
    }
}

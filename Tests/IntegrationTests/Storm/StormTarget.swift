/// One of the processes that are killed again and again.
struct StormTarget: Sendable, Hashable {
    /// Which runner brings it back.
    enum Place: String, Sendable, CaseIterable {
        /// One beside no service manager: as a detached process.
        case outside
        /// One that is a service of a systemd: in a transient unit.
        case inside
    }

    /// How it is found, and started again.
    enum Kind: String, Sendable, CaseIterable {
        case pidFile, match
        /// By its `start:` command, which stays.
        case start
        /// By its `start:` command, which makes itself a daemon.
        case daemon
    }

    /// The agent on the server; no other process of the machine has it in its command line.
    var name: String
    var place: Place
    var kind: Kind
    var user: UInt32
    /// Nil for what the runner does by itself: until it is known how it ended.
    var grace: Duration?

    var isStartedByCommand: Bool { kind == .start || kind == .daemon }

    /// Makes the twenty: in both places, of three users, found and started in every way.
    static func twenty(mark: String) -> [StormTarget] {
        // With each its grace: at once, the settings' finest step above it, and the runner's own.
        let kinds: [(Kind, UInt32, Duration?)] = [
            (.pidFile, 0, .zero), (.pidFile, 0, .milliseconds(300)), (.pidFile, 12345, .zero),
            (.pidFile, 12345, nil), (.pidFile, 65534, .zero), (.match, 0, .zero), (.match, 12345, .zero),
            (.start, 12345, .zero), (.daemon, 0, .zero), (.daemon, 65534, .milliseconds(300)),
        ]
        return Place.allCases.flatMap { place in
            kinds.enumerated().map { index, kind in
                StormTarget(
                    name: "\(mark)-\(place)-\(index)-\(kind.0)-\(kind.1)", place: place, kind: kind.0, user: kind.1,
                    grace: kind.2)
            }
        }
    }

    /// What the runner is to watch.
    func watched(in directory: String) -> String {
        "process:" + (kind == .match ? "match:\(name)" : pidFile(in: directory))
    }

    /// Its settings in the runner's file.
    func settings(in directory: String, program: String) -> String {
        var lines = ["  \"\(watched(in: directory))\":", "    backoff: {initial: 0, max: 1}"]
        if let grace { lines.append("    grace: \(grace.inSeconds)") }
        if kind == .match { lines.append("    user: \(user)") }
        if isStartedByCommand {
            let daemon = kind == .daemon ? ["--daemonize"] : []
            lines.append("    user: \(user)")
            lines.append("    start: [\(([program] + arguments(in: directory) + daemon).joined(separator: ", "))]")
        }
        return lines.joined(separator: "\n")
    }

    /// What the test target gets.
    func arguments(in directory: String) -> [String] {
        let file = kind == .match ? [] : ["--pidfile", pidFile(in: directory)]
        return ["run"] + file + ["--claim", claim(in: directory), "--name", name]
    }

    func claim(in directory: String) -> String { "\(directory)/\(user)/\(name).claim" }

    private func pidFile(in directory: String) -> String { "\(directory)/\(user)/\(name).pid" }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

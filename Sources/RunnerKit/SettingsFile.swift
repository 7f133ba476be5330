import Supervision
import SystemSupport

/// The file given with `--config`: each flag under its name, and settings for single targets.
///
/// ```yaml
/// endpoint: https://agents.example.com   # as --endpoint, and so on
/// api-key-file: /etc/clevagent/api-key
/// watch: ["docker:web"]                  # as --watch
/// targets:                               # watched, too, unless --watch says what is
///   "process:/run/my-bot.pid":
///     start: [/usr/bin/my-bot, --fast]   # how it is started, executable first
///     user: bot                          # whom start runs as, by name or number
///     grace: 2                           # seconds to wait for somebody else to bring it back
///     backoff: {initial: 1, max: 300}    # seconds between tries
///     restart-policy: always             # else as --restart-policy
///     log-tail: 50                       # else as --log-tail
///   "process:my-bot.py":
///     user: bot                          # whose processes count
/// ```
struct SettingsFile {
    /// What a file says about one target; what it leaves out is nil.
    struct Entry {
        var line: Int
        var start: [String]?
        var grace: Duration?
        var initial: Duration?
        var maximum: Duration?
        var user: UInt32?
        var policy: RestartPolicy?
        var logTail: Int?
    }

    /// In the order of the file.
    private(set) var entries: [(name: String, entry: Entry)] = []
    /// What stands for a flag, as it is written.
    private(set) var texts: [(key: String, text: String, line: Int)] = []
    private(set) var watch: [(text: String, line: Int)] = []
    /// What is wrong, each with its line.
    private(set) var problems: [String] = []

    /// Reads a whole file; problems do not end the reading, so that all are told at once.
    init(parsing text: [UInt8]) {
        do throws(YAMLError) {
            guard let root = try YAMLNode(parsing: text) else { return }
            read(root)
        } catch {
            problems.append("line \(error.line): \(error.words)")
        }
    }

    private mutating func read(_ root: YAMLNode) {
        for (key, _, value) in members(of: root, "the file", known: Self.settings) {
            switch key {
            case "targets":
                guard case .mapping(let targets, _) = value else {
                    problems.append("line \(value.line): 'targets' must be a mapping from TYPE:NAME to settings")
                    continue
                }
                for (name, line, settings) in targets { entries.append((name, entry(name, line, settings))) }
            case "watch": watch = watch(value)
            default: read(key, value)
            }
        }
    }

    /// What stands for a flag; what it may be is checked with the flag.
    private mutating func read(_ key: String, _ value: YAMLNode) {
        guard case .scalar(let text, _, let line) = value, !text.isEmpty else {
            problems.append("line \(value.line): '\(key)' must be a text or a number")
            return
        }
        // Relative to what, would be the question.
        if key.hasSuffix("-file"), !text.hasPrefix("/") {
            problems.append("line \(line): '\(key)' must be an absolute path")
        } else {
            texts.append((key, text, line))
        }
    }

    private mutating func watch(_ node: YAMLNode) -> [(text: String, line: Int)] {
        let example = "a list of targets: [\"docker:my-bot\", \"process:/run/my-bot.pid\"]"
        guard case .sequence(let items, _) = node else {
            problems.append("line \(node.line): 'watch' must be \(example)")
            return []
        }
        return items.compactMap { item in
            if case .scalar(let text, _, let line) = item { return (text, line) }
            problems.append("line \(item.line): 'watch' must be \(example)")
            return nil
        }
    }

    /// The keys that say what the flag of that name says.
    private static let flags = [
        "allow-http", "api-key-file", "ca-file", "control-group", "control-socket", "docker-command", "endpoint",
        "heartbeat-interval", "log-format", "log-level", "log-tail", "metrics-listen", "restart-policy", "state-dir",
        "systemd-scope",
    ]
    private static let settings = flags + ["targets", "watch"]
    /// What is no setting for a reason.
    private static let refusals = ["api-key": "belongs into a file of its own: say api-key-file"]
    private static let targetSettings = ["start", "grace", "backoff", "user", "restart-policy", "log-tail"]

    private mutating func entry(_ name: String, _ line: Int, _ node: YAMLNode) -> Entry {
        var entry = Entry(line: line)
        for (key, _, value) in members(of: node, "'\(name)'", known: Self.targetSettings) {
            switch key {
            case "start": entry.start = start(value)
            case "log-tail": entry.logTail = lines(value)
            case "restart-policy": entry.policy = policy(value)
            case "user": entry.user = user(value)
            case "grace": entry.grace = seconds(value, "grace", 0...3600)
            case "backoff":
                for (key, _, value) in members(of: value, "'backoff'", known: ["initial", "max"]) {
                    switch key {
                    case "initial": entry.initial = seconds(value, "initial", 0...3600)
                    case "max": entry.maximum = seconds(value, "max", 0...86_400)
                    default: break
                    }
                }
            default: break
            }
        }
        if let initial = entry.initial, let maximum = entry.maximum, initial > maximum {
            problems.append("line \(line): 'backoff' of '\(name)': 'initial' must not be larger than 'max'")
        }
        return entry
    }

    /// The members of a mapping, without those that nobody knows; these are told with the nearest known name.
    private mutating func members(
        of node: YAMLNode, _ place: String, known: [String]
    ) -> [(key: String, line: Int, value: YAMLNode)] {
        guard case .mapping(let members, _) = node else {
            problems.append("line \(node.line): \(place) must be a mapping with \(known.joined(separator: ", "))")
            return []
        }
        return members.filter { member in
            if known.contains(member.key) { return true }
            let key = member.key.count > 60 ? member.key.prefix(60) + "…" : member.key[...]
            let hint = Spelling.nearest(to: member.key, in: known).map { "; did you mean '\($0)'?" } ?? ""
            let reason = Self.refusals[member.key] ?? "is not a setting of \(place)\(hint)"
            problems.append("line \(member.line): '\(key)' \(reason)")
            return false
        }
    }

    private mutating func start(_ node: YAMLNode) -> [String]? {
        let example = "a list of texts, executable first: [/usr/bin/my-bot, --fast]"
        guard case .sequence(let items, let line) = node else {
            problems.append("line \(node.line): 'start' must be \(example)")
            return nil
        }
        var arguments: [String] = []
        for item in items {
            guard case .scalar(let text, _, _) = item, !text.utf8.contains(0) else {
                problems.append("line \(item.line): 'start' must be \(example)")
                return nil
            }
            arguments.append(text)
        }
        guard let executable = arguments.first, executable.hasPrefix("/") else {
            problems.append("line \(line): 'start' must begin with the absolute path of an executable")
            return nil
        }
        return arguments
    }

    /// A user of this host, by name or number.
    private mutating func user(_ node: YAMLNode) -> UInt32? {
        guard case .scalar(let text, _, let line) = node, !text.isEmpty else {
            problems.append("line \(node.line): 'user' must be a user's name or number")
            return nil
        }
        // The highest number means "unchanged" (setresuid(2)).
        guard let user = UInt32(text) ?? Account.named(text)?.user, user != .max else {
            problems.append("line \(line): 'user': there is no user '\(text.prefix(100))'")
            return nil
        }
        return user
    }

    private mutating func policy(_ node: YAMLNode) -> RestartPolicy? {
        if case .scalar(let text, _, _) = node, let policy = RestartPolicy(rawValue: text) { return policy }
        problems.append("line \(node.line): 'restart-policy' must be one of \(RestartPolicy.listed)")
        return nil
    }

    /// A number of lines; 0 for none.
    private mutating func lines(_ node: YAMLNode) -> Int? {
        guard case .scalar(let text, isPlain: true, _) = node, let count = Int(text),
            RunnerConfiguration.logTails.contains(count)
        else {
            let most = RunnerConfiguration.logTails.upperBound
            problems.append("line \(node.line): 'log-tail' must be a number of lines from 0 (none) to \(most)")
            return nil
        }
        return count
    }

    private mutating func seconds(_ node: YAMLNode, _ key: String, _ range: ClosedRange<Double>) -> Duration? {
        guard case .scalar(let text, isPlain: true, _) = node, let value = Double(text), range.contains(value) else {
            problems.append(
                "line \(node.line): '\(key)' must be a number of seconds from \(Int(range.lowerBound)) to \(Int(range.upperBound))"
            )
            return nil
        }
        return .milliseconds(Int64(value * 1000))
    }
}

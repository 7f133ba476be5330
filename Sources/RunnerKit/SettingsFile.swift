import Supervision
import SystemSupport

/// The file given with `--config`: settings for single targets.
///
/// ```yaml
/// ca-file: /etc/clevagent/ca.pem         # as --ca-file
/// log_tail: 20                           # as --log-tail
/// docker-command: podman                 # as --docker-command
/// systemd-scope: user                    # as --systemd-scope
/// targets:
///   "process:/run/my-bot.pid":
///     start: [/usr/bin/my-bot, --fast]   # how it is started, executable first
///     user: bot                          # whom start runs as, by name or number
///     grace: 2                           # seconds to wait for somebody else to bring it back
///     backoff: {initial: 1, max: 300}    # seconds between tries
///     log_tail: 50                       # how many of its last lines follow a death
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
        var logTail: Int?
    }

    /// In the order of the file.
    private(set) var entries: [(name: String, entry: Entry)] = []
    /// What stands for a flag, as it is written.
    private(set) var texts: [(key: String, text: String, line: Int)] = []
    private(set) var logTail: Int?
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
            if key == "log_tail" {
                logTail = lines(value)
                continue
            }
            if let expected = Self.texts[key] {
                guard case .scalar(let text, _, let line) = value, key != "ca-file" || text.hasPrefix("/") else {
                    problems.append("line \(value.line): '\(key)' must be \(expected)")
                    continue
                }
                texts.append((key, text, line))
                continue
            }
            guard case .mapping(let targets, _) = value else {
                problems.append("line \(value.line): 'targets' must be a mapping from TYPE:NAME to settings")
                continue
            }
            for (name, line, settings) in targets { entries.append((name, entry(name, line, settings))) }
        }
    }

    /// The keys that say what a flag of that name says, and what it must be.
    private static let texts = [
        "ca-file": "an absolute path", "docker-command": "the name of a program or its path",
        "systemd-scope": "system or user",
    ]
    private static let settings = (texts.keys + ["log_tail", "targets"]).sorted()
    private static let targetSettings = ["start", "grace", "backoff", "user", "log_tail"]

    private mutating func entry(_ name: String, _ line: Int, _ node: YAMLNode) -> Entry {
        var entry = Entry(line: line)
        for (key, _, value) in members(of: node, "'\(name)'", known: Self.targetSettings) {
            switch key {
            case "start": entry.start = start(value)
            case "log_tail": entry.logTail = lines(value)
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
            let nearest = known.min { $0.distance(to: member.key) < $1.distance(to: member.key) }
            let hint = nearest.map { "; did you mean '\($0)'?" } ?? ""
            problems.append("line \(member.line): '\(member.key)' is not a setting of \(place)\(hint)")
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

    /// A number of lines; 0 for none.
    private mutating func lines(_ node: YAMLNode) -> Int? {
        guard case .scalar(let text, isPlain: true, _) = node, let count = Int(text),
            RunnerConfiguration.logTails.contains(count)
        else {
            let most = RunnerConfiguration.logTails.upperBound
            problems.append("line \(node.line): 'log_tail' must be a number of lines from 0 (none) to \(most)")
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

extension String {
    /// How many letters must be changed, added or left out to get from one to the other (Levenshtein).
    fileprivate func distance(to other: String) -> Int {
        let target = Array(other)
        var row = Array(0...target.count)
        for (line, letter) in enumerated() {
            var previous = row
            swap(&previous, &row)
            row[0] = line + 1
            for (column, candidate) in target.enumerated() {
                row[column + 1] = Swift.min(
                    previous[column] + (letter == candidate ? 0 : 1), previous[column + 1] + 1, row[column] + 1)
            }
        }
        return row.last ?? 0
    }
}

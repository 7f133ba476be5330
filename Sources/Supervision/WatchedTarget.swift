/// One `--watch` value: a target, and the name it has on the server.
package struct WatchedTarget: Sendable, Hashable {
    package var id: TargetID
    package var agent: String

    package init(id: TargetID, agent: String) {
        self.id = id
        self.agent = agent
    }

    /// Reads `[AGENT=]TYPE:NAME`.
    ///
    /// AGENT is the text before the first `=`, only if no `:` comes before it; so a name may hold `=`.
    ///
    /// - Throws: what is wrong and what would be right, in one line without the value.
    package init(parsing text: String) throws(WatchedTargetError) {
        var rest = Substring(text)
        var agent: String?
        if let separator = text.firstIndex(where: { $0 == "=" || $0 == ":" }), text[separator] == "=" {
            agent = String(text[..<separator])
            rest = text[text.index(after: separator)...]
        }
        guard let colon = rest.firstIndex(of: ":") else { throw .noType }
        let type = String(rest[..<colon])
        let name = String(rest[rest.index(after: colon)...])
        guard let kind = WatcherKind(rawValue: type) else { throw .unknownType(type) }
        try Self.check(name, of: kind)
        id = TargetID(kind: kind, name: name)
        self.agent = agent ?? Self.defaultAgent(for: id)
        guard agent != nil || self.agent.count <= Self.longestAgent else { throw .longName }
        try Self.check(agent: self.agent)
    }

    private static func check(_ name: String, of kind: WatcherKind) throws(WatchedTargetError) {
        guard !name.isEmpty else { throw .emptyName(kind) }
        guard !name.hasPrefix("-") else { throw .leadingDash }
        guard name.utf8.count <= longestName(of: kind) else { throw .tooLong(kind) }
        let allowed: (UInt8) -> Bool =
            switch kind {
            case .docker: { $0.isLetterOrDigit || $0 == "_" || $0 == "." || $0 == "-" }
            case .systemd: { $0.isLetterOrDigit || $0.isOne(of: ":-_.\\@") }
            case .launchd: { $0.isLetterOrDigit || $0.isOne(of: "-_./") }
            case .process: { _ in true }
            }
        let wrong = name.unicodeScalars.first { $0.isUnseen || !$0.utf8.allSatisfy(allowed) }
        if let wrong { throw .badName(kind, wrong) }
        if kind == .systemd, let instance = UnitName.instance(of: name) { throw .template(instance) }
        if kind == .process, case .match(let text) = ProcessName(name) {
            guard text.utf8.count(where: { $0 != UInt8(ascii: " ") }) >= shortestMatch else { throw .shortMatch }
        }
    }

    /// In bytes. Of a path as the kernel takes it, with its NUL (PATH_MAX); a unit's name has 255 (UNIT_NAME_MAX), and
    /// nobody has longer ones of the others.
    fileprivate static func longestName(of kind: WatcherKind) -> Int { kind == .process ? 4095 : 255 }

    /// What is shorter matches by chance. In bytes without blanks.
    fileprivate static let shortestMatch = 3

    /// In characters.
    private static let longestAgent = 200

    private static func check(agent: String) throws(WatchedTargetError) {
        guard (1...longestAgent).contains(agent.count), !agent.unicodeScalars.contains(where: \.isUnseen) else {
            throw .badAgent
        }
    }

    private static func defaultAgent(for id: TargetID) -> String {
        switch id.kind {
        case .docker: return id.name
        case .launchd: return id.name.split(separator: "/").last.map(String.init) ?? id.name
        case .systemd: return id.name.droppingSuffix(".service")
        case .process:
            switch ProcessName(id.name) {
            case .pidFile(let path):
                return (path.split(separator: "/").last.map(String.init) ?? path).droppingSuffix(".pid")
            case .match(let substring): return substring
            }
        }
    }
}

/// How a process target says which process it means.
package enum ProcessName: Sendable, Hashable {
    /// The absolute path of a PID file.
    case pidFile(String)
    /// A substring of a command line.
    case match(String)

    /// A name that begins with `/` is a PID file, anything else a substring; `pidfile:` and `match:` say it outright.
    package init(_ name: String) {
        if name.hasPrefix("pidfile:") {
            self = .pidFile(String(name.dropFirst("pidfile:".count)))
        } else if name.hasPrefix("match:") {
            self = .match(String(name.dropFirst("match:".count)))
        } else if name.hasPrefix("/") {
            self = .pidFile(name)
        } else {
            self = .match(name)
        }
    }
}

/// What is wrong with a `--watch` value. The caller adds the value.
package enum WatchedTargetError: Error, Sendable, Hashable, CustomStringConvertible {
    case noType
    case unknownType(String)
    case emptyName(WatcherKind)
    case leadingDash
    case badName(WatcherKind, Unicode.Scalar)
    case tooLong(WatcherKind)
    case badAgent
    case longName
    case shortMatch
    case template(String)

    package var description: String {
        let kinds = WatcherKind.allCases.map(\.rawValue).joined(separator: ", ")
        return switch self {
        case .noType: "no type: write [AGENT=]TYPE:NAME, for instance process:/run/my-bot.pid (types: \(kinds))"
        case .unknownType("k8s"): "there is no type 'k8s': let Kubernetes restart its own pods (types: \(kinds))"
        case .unknownType(let type): "there is no type '\(type)' (types: \(kinds))"
        case .emptyName(let kind): "no name after '\(kind.rawValue):'"
        case .leadingDash: "a name may not begin with '-'"
        case .badName(.docker, let wrong):
            "a container's name has only letters, digits, '_', '.' and '-', not \(wrong.name)"
        case .badName(.systemd, let wrong):
            "a unit's name has only letters, digits and : - _ . \\ @, not \(wrong.name)"
        case .badName(.launchd, let wrong):
            "a label has only letters, digits, '-', '_', '.' and '/', not \(wrong.name)"
        case .badName(.process, let wrong): "a name has no control characters, as \(wrong.name) is one"
        case .tooLong(let kind): "a name has at most \(WatchedTarget.longestName(of: kind)) bytes"
        case .longName: "too long for the name of an agent: write AGENT= before it"
        case .template(let instance): "a template is no unit: write \(instance)"
        case .shortMatch: "too short: it would match by chance; give at least \(WatchedTarget.shortestMatch) letters"
        case .badAgent: "an agent's name has 1 to 200 characters and no control characters"
        }
    }
}

extension String {
    fileprivate func droppingSuffix(_ suffix: String) -> String {
        hasSuffix(suffix) && count > suffix.count ? String(dropLast(suffix.count)) : self
    }
}

extension Unicode.Scalar {
    /// What drives a terminal, breaks a line, turns the direction of text or is not seen at all: a name would show as
    /// another. What joins letters is in many a name.
    fileprivate var isUnseen: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        case .format: value != 0x200C && value != 0x200D
        default: false
        }
    }

    /// Itself, or its number if it may look like another.
    fileprivate var name: String {
        guard !isASCII || isUnseen else { return "'\(self)'" }
        let digits = String(value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}

extension UInt8 {
    fileprivate static func == (lhs: UInt8, rhs: Unicode.Scalar) -> Bool { UInt32(lhs) == rhs.value }
}

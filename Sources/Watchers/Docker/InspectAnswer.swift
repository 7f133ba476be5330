import SystemSupport

/// What came of asking about some containers.
enum InspectAnswer: Sendable, Hashable {
    /// Those that there are; who was asked about and is not among them is missing.
    case containers([ContainerFacts])
    /// It can't be told, for this reason.
    case unavailable(String)

    /// - Parameter program: what the client is called.
    init(_ result: ProgramResult, program: String) {
        switch (result.end, Self.containers(in: result.output)) {
        case (.exited(0), let containers?): self = .containers(containers)
        // Of several, those that there are were told, and the others were complained about: with 125 by podman.
        case (.exited(1), let containers?), (.exited(125), let containers?):
            guard Self.onlyMissing(result.errorOutput) else { fallthrough }
            self = .containers(containers)
        default: self = .unavailable(EngineFailure.words(for: result, program: program))
        }
    }

    /// Docker writes a line for each container, podman one array of them all.
    ///
    /// - Returns: nil when some of it is no container.
    private static func containers(in output: [UInt8]) -> [ContainerFacts]? {
        if output.first == UInt8(ascii: "[") { return ContainerFacts.all(parsing: output) }
        let lines = output.split(separator: UInt8(ascii: "\n"))
        let containers = lines.compactMap { ContainerFacts(parsing: Array($0)) }
        return containers.count == lines.count ? containers : nil
    }

    private static func onlyMissing(_ errorOutput: [UInt8]) -> Bool {
        let lines = String(decoding: errorOutput, as: UTF8.self).split(whereSeparator: \.isNewline)
        return !lines.isEmpty && lines.allSatisfy { EngineFailure.isMissing(String($0)) }
    }
}

/// Why a command of the client did not do what it should.
enum EngineFailure {
    static func isMissing(_ line: String) -> Bool {
        let line = line.lowercased()
        // A name that nobody has may begin the ids of several others.
        return line.contains("no such container") || line.contains("no such object")
            || line.contains("multiple ids found")
    }

    /// Up to the request, which is of no use to a person and mostly cut: `…docker.sock: Get "http://%2Fvar%2Frun%2F…`.
    private static func withoutRequest(_ said: String) -> String {
        guard let request = said.firstRange(of: /: (Get|Post|Head) "/) else { return said }
        return String(said[..<request.lowerBound])
    }

    static func words(for result: ProgramResult, program: String) -> String {
        let said = EngineWords.firstLine(of: result.errorOutput)
        let isDenied = said.lowercased().contains("permission denied")
        let hint =
            isDenied ? " (the runner's user must be in the group docker, which makes it as good as root)" : ""
        return switch result.end {
        case .exited(0): "\(program) gave an answer that can't be read"
        case .exited(let code):
            said.isEmpty ? "\(program) ended with exit \(code)" : "\(isDenied ? withoutRequest(said) : said)\(hint)"
        case .signalled(let signal): "\(program) was killed by signal \(signal)"
        case .notStarted(let reason): "\(program) can't be started: \(reason)"
        case .timedOut: "\(program) does not answer"
        case .tooMuchOutput: "\(program) gave an answer longer than any that could be right"
        case .cancelled: "\(program) was not waited for"
        }
    }
}

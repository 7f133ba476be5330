import Supervision
import SystemPackage
import SystemSupport

/// The commands that are given to the engine, each a fixed list of arguments.
struct DockerCLI: Sendable {
    /// The program, as configured: a name or an absolute path.
    let program: String
    private let executable: FilePath?
    /// What the client gets of the environment.
    let environment: [String: String]

    private static let passedOn = [
        "PATH", "HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH",
        "XDG_RUNTIME_DIR",
    ]
    private static let standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    private static let longestListing = 8 << 20
    /// The engine answers in milliseconds, and keeps nobody waiting who asks what it knows.
    static let askingDeadline = Duration.seconds(10)
    static let logsDeadline = Duration.seconds(2)
    static let backlogDeadline = Duration.seconds(3)
    static let startDeadline = Duration.seconds(60)

    /// - Parameter environment: the runner's own; only what concerns the client goes on to it.
    init(
        program: String, environment: [String: String],
        isExecutable: (FilePath) -> Bool = { ExecutableFile.at($0) != nil }
    ) {
        self.program = program
        var passed = environment.filter { Self.passedOn.contains($0.key) }
        let path = passed["PATH"] ?? Self.standardPath
        passed["PATH"] = path
        self.environment = passed
        let places =
            program.hasPrefix("/")
            ? [FilePath(program)]
            : path.split(separator: ":").filter { $0.hasPrefix("/") }.map { FilePath(String($0)).appending(program) }
        executable = places.first(where: isExecutable)
    }

    /// Why nothing can be asked at all; nil when it can be tried.
    var problem: String? {
        executable == nil ? "there is no program '\(program)': install it, or give --docker-command" : nil
    }

    // MARK: - Asking

    func inspect(_ names: [String]) -> ProgramCall? {
        command(
            ["inspect", "--type", "container", "--format", "{{json .}}", "--"] + names, Self.askingDeadline,
            outputLimit: Self.longestListing)
    }

    /// The events since a moment, and all that come.
    ///
    /// `--format json` would print the word with Docker 20.10.
    func events(since: EngineTime) -> ProgramCall? {
        command(["events", "--since", Self.text(since)] + Self.eventOptions, Self.askingDeadline)
    }

    /// The events of a time that is over, as far as the engine still has them.
    ///
    /// podman 4.3 gives none before an `--until` that is over.
    func backlog(from: EngineTime, to: EngineTime) -> ProgramCall? {
        let isPodman = FilePath(program).lastComponent?.string == "podman"
        let end = isPodman ? ["--stream=false"] : ["--until", Self.text(to)]
        return command(
            ["events", "--since", Self.text(from)] + end + Self.eventOptions,
            Self.backlogDeadline, outputLimit: Self.longestListing)
    }

    private static let eventOptions =
        ["--format", "{{json .}}", "--filter", "type=container"]
        + DockerEvent.filters.flatMap { ["--filter", "event=\($0)"] }

    /// What a container wrote last.
    func logs(of name: String, lines: Int) -> ProgramCall? {
        command(["logs", "--tail", "\(lines)", "--", name], Self.logsDeadline)
    }

    // MARK: - Acting

    /// What carries out an action on a container, by its id.
    func carryOut(_ action: TargetAction, on container: String, stopTimeout: Duration) -> ProgramCall? {
        switch action {
        case .recover: command(["start", "--", container], Self.startDeadline)
        case .restart: command(["restart", "--", container], Self.startDeadline + stopTimeout)
        case .stop: command(["stop", "--", container], Self.startDeadline + stopTimeout)
        }
    }

    private func command(_ arguments: [String], _ deadline: Duration, outputLimit: Int = 1 << 20) -> ProgramCall? {
        executable.map {
            ProgramCall($0, arguments, environment: environment, deadline: deadline, outputLimit: outputLimit)
        }
    }

    /// Seconds and nanoseconds, as the engine takes them.
    private static func text(_ time: EngineTime) -> String {
        let (seconds, rest) = max(0, time.nanosecondsSince1970).quotientAndRemainder(dividingBy: 1_000_000_000)
        let digits = String(rest)
        return "\(seconds)." + String(repeating: "0", count: 9 - digits.count) + digits
    }
}

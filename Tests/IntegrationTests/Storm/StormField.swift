import FoundationEssentials
import SystemPackage
import SystemSupport
import TestSupport

#if canImport(Glibc)
    import Glibc
#endif

/// The twenty targets and the two runners of a storm.
actor StormField {
    nonisolated let targets: [StormTarget]
    nonisolated let systemd: PrivateSystemd
    private nonisolated let stub: StubServer
    private nonisolated let program: FilePath
    private nonisolated let runnerPath: String
    /// Where a place's files are, as its processes see them.
    nonisolated let directories: [StormTarget.Place: String]
    nonisolated let outside: String
    nonisolated let inside: String
    private var runner: ChildProcess?

    init(mark: String, runner: String, _ systemd: PrivateSystemd, _ stub: StubServer) throws {
        targets = StormTarget.twenty(mark: mark)
        self.systemd = systemd
        self.stub = stub
        runnerPath = runner
        program = try TestProcess.testTarget
        outside = try makeTemporaryDirectory(mark).string
        inside = systemd.share + "/" + mark
        directories = [.outside: outside, .inside: "/tmp/share/" + mark]
        try prepare(.outside, in: outside)
        try prepare(.inside, in: inside)
    }

    func startTargets() async throws {
        for target in targets {
            let arguments = target.arguments(in: directory(of: target.place))
            switch target.place {
            case .outside:
                var options = TestProcess.Options()
                options.user = target.user == 0 ? nil : target.user
                options.environment = Self.environment.map { "\($0)=\($1)" }
                _ = try TestProcess.start(program, arguments, options)
            case .inside:
                try await systemd.run(
                    [program.string, "orphan", "--user", "\(target.user)", "--", program.string] + arguments,
                    environment: Self.environment)
            }
        }
    }

    // MARK: Runners

    func startRunners() async throws {
        try startOutside()
        try await systemd.start(
            Self.unit,
            """
            [Service]
            ExecStart=\(runnerCommand(.inside, state: "/var/lib/clevagent-runner").joined(separator: " "))
            Environment=CLEVAGENT_API_KEY=cv_test
            StateDirectory=clevagent-runner
            RuntimeDirectory=clevagent-runner
            NoNewPrivileges=yes
            ProtectSystem=strict

            """)
    }

    /// Kills the runner outside, whatever it is doing, and starts another.
    func killOutside() async throws {
        runner?.signal(SIGKILL)
        await runner?.ended()
        try startOutside()
    }

    /// Has the service manager restart the runner inside.
    func restartInside() async throws {
        try await systemd.run("systemctl", "restart", Self.unit)
    }

    func endOutside() async {
        await runner?.end()
    }

    private func startOutside() throws {
        runner = try ChildProcess(
            runnerCommand(.outside, state: outside + "/state"),
            environment: AgentDirectory.environment.merging(["CLEVAGENT_API_KEY": "cv_test"]) { $1 })
    }

    private nonisolated func runnerCommand(_ place: StormTarget.Place, state: String) -> [String] {
        let directory = directory(of: place)
        return [
            runnerPath, "--config", directory + "/runner.yaml", "--endpoint", stub.endpoint,
            "--heartbeat-interval", "5", "--state-dir", state,
        ]
            + targets.filter { $0.place == place }
            .flatMap { ["--watch", "\($0.name)=\($0.watched(in: directory))"] }
    }

    private nonisolated func directory(of place: StormTarget.Place) -> String { directories[place] ?? "" }

    private nonisolated func prepare(_ place: StormTarget.Place, in directory: String) throws {
        let files = FileManager.default
        let targets = targets.filter { $0.place == place }
        for user in Set(targets.map(\.user)) {
            try files.createDirectory(atPath: "\(directory)/\(user)", withIntermediateDirectories: true)
            chown("\(directory)/\(user)", user, user)
        }
        chmod(directory, 0o755)
        for target in targets {
            try Data().write(to: URL(filePath: target.claim(in: directory)))
            chmod(target.claim(in: directory), 0o666)
        }
        let settings = targets.map { $0.settings(in: self.directory(of: place), program: program.string) }
        let text = (["targets:"] + settings).joined(separator: "\n") + "\n"
        try Data(text.utf8).write(to: URL(filePath: directory + "/runner.yaml"))
    }

    private static let unit = "clevagent-runner.service"
    /// The runtime that SwiftPM links to the target would otherwise take its time over SIGSEGV.
    private static let environment = AgentDirectory.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
}

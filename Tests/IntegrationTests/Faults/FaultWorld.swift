import FoundationEssentials
import NIOConcurrencyHelpers
import NIOHTTP1
import SystemPackage
import SystemSupport
import TestSupport
import WireProtocol

#if canImport(Glibc)
    import Glibc
#endif

/// A real runner with real targets, a real server, and between them a stub that can be told to get in the way.
struct FaultWorld: Sendable {
    let names: [String]
    let agents: AgentDirectory
    private let servers: NIOLockedValueBox<BuiltServer>
    /// What the runner takes for the server.
    let proxy: StubServer
    let runner: ChildProcess
    let log: RunnerLog

    var server: BuiltServer { servers.withLockedValue { $0 } }

    /// How a world is to be that is not as usual.
    struct Options: Sendable {
        var names = ["bot-1", "bot-2", "bot-3"]
        var runner = BuiltProgram.runner.path
        /// The settings of each target.
        var settings = "{grace: 0}"
        /// The stub is this under TLS.
        var identity: TestAuthority.Identity?
        /// A script that mounts what runner and targets alone are to see; its `$0` is the directory of the agents.
        var mounts: String?
        /// What is done to the stub before the runner starts.
        var prepare: @Sendable (StubServer) -> Void = { _ in }
        /// More for the runner's command line; a later flag beats an earlier one.
        var arguments: @Sendable (StubServer) -> [String] = { _ in [] }
        var environment: [String: String] = [:]
        var serverEnvironment: [String: String] = [:]
    }

    /// Runs `body` when the server knows every target as up. The runner must then end in good order.
    static func run<Result>(
        _ options: Options = Options(), _ body: (FaultWorld) async throws -> Result
    ) async throws -> Result {
        try await withAgentDirectory("clevagent-fault") { agents in
            let mounts = try await OwnMounts(options.mounts, agents.path)
            defer { mounts?.end() }
            var agents = agents
            agents.surroundings = mounts?.entry ?? []
            for name in options.names { try await agents.start(name) }
            let first = try await BuiltServer.start(
                in: agents.path + "/server", ["--rate-limit", "0"], environment: options.serverEnvironment)
            let servers = NIOLockedValueBox(first)
            return try await finally {
                await servers.withLockedValue { $0 }.kill()
            } after: {
                try await withStubServer(.init(identity: options.identity, upstream: first.port)) { [agents] proxy in
                    options.prepare(proxy)
                    let runner = try start(agents, first, proxy, options)
                    let world = FaultWorld(
                        names: options.names, agents: agents, servers: servers, proxy: proxy, runner: runner,
                        log: RunnerLog(of: runner))
                    return try await world.withRunner(body)
                }
            }
        }
    }

    private func withRunner<Result>(_ body: (FaultWorld) async throws -> Result) async throws -> Result {
        do {
            try await areUp()
            let result = try await body(self)
            let status = await runner.end()
            guard status == 0 else { throw FaultError(words: "the runner ended with wait status \(status)") }
            return result
        } catch {
            runner.signal(SIGCONT)
            await runner.end()
            throw FaultError(words: "\(error)\nThe runner's log:\n\(log.lines.joined(separator: "\n"))")
        }
    }

    private static func finally<Result>(
        _ end: () async -> Void, after body: () async throws -> Result
    ) async throws -> Result {
        do {
            let result = try await body()
            await end()
            return result
        } catch {
            await end()
            throw error
        }
    }

    private static func start(
        _ agents: AgentDirectory, _ server: BuiltServer, _ proxy: StubServer, _ options: Options
    ) throws -> ChildProcess {
        let targets = options.names.map { "process:" + agents.pidFile(of: $0) }
        let settings = "targets:\n" + targets.map { "  \"\($0)\": \(options.settings)\n" }.joined()
        try Data(settings.utf8).write(to: URL(filePath: agents.path + "/runner.yaml"))
        return try ChildProcess(
            agents.surroundings + [
                options.runner, "--config", agents.path + "/runner.yaml", "--heartbeat-interval", "1",
                "--state-dir", agents.path + "/state", "--endpoint", proxy.endpoint,
            ] + targets.flatMap { ["--watch", $0] } + options.arguments(proxy),
            environment: AgentDirectory.environment.merging(
                ["CLEVAGENT_API_KEY": server.key, "XDG_RUNTIME_DIR": agents.path].merging(options.environment) { $1 }
            ) { $1 },
            output: .lines)
    }

    // MARK: - Targets

    /// Kills every target, one after the other, and waits each time until it is back.
    ///
    /// - Returns: the longest that one was away.
    @discardableResult
    func killEach() async throws -> Duration {
        var longest = Duration.zero
        for name in names { longest = max(longest, try await kill(name)) }
        return longest
    }

    /// - Returns: how long it was away.
    func kill(_ name: String) async throws -> Duration {
        let killed = ContinuousClock.now
        try await isBack(name, after: try end(name))
        return ContinuousClock.now - killed
    }

    /// Kills a target.
    ///
    /// - Returns: which process it was.
    func end(_ name: String) throws -> Int32 {
        guard let pid = agents.processID(of: name) else { throw FaultError(words: "\(name) is not there") }
        _ = Glibc.kill(pid, SIGKILL)
        return pid
    }

    /// Returns when its PID file names another process than that one.
    func isBack(_ name: String, after pid: Int32) async throws {
        _ = try await TestProcess.named(by: FilePath(agents.pidFile(of: name)), otherThan: pid)
    }

    // MARK: - What the server knows

    func areUp() async throws {
        _ = try await proxy.eventually("every target up") {
            let agents = try await server.ask(.GET, "/status?limit=1000", as: BuiltServer.Agents.self).agents
            return agents.count { $0.status == "ok" } == names.count ? true : nil
        }
    }

    /// Waits until the server has heard of as many deaths, and of as many restarts that lasted.
    func history(deaths: Int, within limit: Duration = .seconds(40)) async throws -> [BuiltServer.Events.Event] {
        try await proxy.eventually("the history of \(deaths) deaths", within: limit) {
            // While it is away there is nothing to see.
            guard let events = try? await server.history() else { return nil }
            let isWhole =
                events.count { $0.kind == "restarted" } >= deaths && events.count { $0.kind == "died" } >= deaths
            return isWhole ? events : nil
        }
    }

    /// Returns when the server's history holds enough. It paces the questions itself, by holding a poll: nothing else may
    /// be going on.
    func serverHas(_ what: String, _ isEnough: ([BuiltServer.Events.Event]) -> Bool) async throws {
        for _ in 0..<60 {
            if isEnough(try await server.history()) { return }
            _ = try await server.send(.GET, "/commands?wait=1")
        }
        throw FaultError(words: "the server's history never had \(what)")
    }

    // MARK: - The server

    /// Starts a killed server again, on its port and its state.
    func restartServer() async throws {
        let old = server
        let new = try await BuiltServer.start(
            in: old.directory, ["--rate-limit", "0", "--listen", "127.0.0.1:\(old.port)"])
        servers.withLockedValue { $0 = new }
    }
}

struct FaultError: Error, CustomStringConvertible {
    var words: String
    var description: String { words }
}

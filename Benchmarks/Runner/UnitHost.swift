import FoundationEssentials
import Glibc
import TestSupport
import WireProtocol

/// A systemd of its own with units, each a `benchmark-agent`, a runner as its service, and the server that it tells.
final class UnitHost: Sendable {
    let names: [String]
    let stub: StubServer
    let agents: AgentListener
    let shell: InnerShell
    private let systemd: PrivateSystemd

    fileprivate init(_ systemd: PrivateSystemd, count: Int, stub: StubServer) async throws {
        self.systemd = systemd
        self.stub = stub
        names = (1...count).map { "bench-\($0)" }
        agents = try await AgentListener(at: systemd.share + "/agents")
        shell = try InnerShell(systemd)
    }

    static func unit(of name: String) -> String { name + ".service" }

    /// Starts the units, then the runner, and waits until it has told of all of them.
    fileprivate func start(_ runner: String, agent: String) async throws {
        let running = agents.events(for: .seconds(60))
        for name in names {
            try systemd.write(
                Self.unit(of: name),
                """
                [Unit]
                DefaultDependencies=no
                StartLimitIntervalSec=0
                [Service]
                ExecStart=\(agent) /tmp/share/\(name).pid /tmp/share/agents \(name)

                """)
        }
        try await systemd.run("systemctl", "daemon-reload")
        try await systemd.run(["systemctl", "start"] + names.map(Self.unit))
        var missing = Set(names)
        if !missing.isEmpty {
            for await event in running where event.kind == .running {
                missing.remove(event.name)
                if missing.isEmpty { break }
            }
        }
        if let missing = missing.first { throw BenchmarkError.agentDidNotStart(missing) }
        // Its state is on the machine's disk, as it would be; inside, all else is in memory.
        try await systemd.start(
            Self.runner,
            """
            [Unit]
            DefaultDependencies=no
            [Service]
            ExecStart=\(runner) start --endpoint \(stub.endpoint) --heartbeat-interval 30 --state-dir /tmp/share/state
            Environment=CLEVAGENT_API_KEY=cv_benchmark
            Environment="CLEVAGENT_WATCH=\(names.map { "systemd:" + Self.unit(of: $0) }.joined(separator: "\\n"))"

            """)
        var seen = Set<String>()
        do {
            _ = try await stub.heartbeat(within: .seconds(60)) { heartbeat in
                if heartbeat.status == .ok { seen.insert(heartbeat.agent) }
                return seen.count == names.count
            }
        } catch {
            throw BenchmarkError.notReady("\(seen.count) of \(names.count) units reported; \(error)", log: await log)
        }
    }

    private static let runner = "clevagent-runner.service"

    /// The runner's, as the machine knows it.
    var runnerID: pid_t {
        get throws {
            let path = systemd.cgroup(of: Self.runner) + "/cgroup.procs"
            let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
            guard lines.count == 1, let id = lines.first.flatMap({ pid_t($0) }) else {
                throw BenchmarkError.runnerEnded
            }
            return id
        }
    }

    /// Kills all processes of a unit at once, as `kill -9` does.
    ///
    /// - Returns: Just before it was done.
    func kill(_ name: String) throws -> ContinuousClock.Instant {
        let path = systemd.cgroup(of: Self.unit(of: name)) + "/cgroup.kill"
        let file = open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw BenchmarkError.cannotWrite(path) }
        defer { close(file) }
        let now = ContinuousClock.now
        guard write(file, "1", 1) == 1 else { throw BenchmarkError.cannotWrite(path) }
        return now
    }

    /// What the runner said last.
    var log: String {
        get async {
            (try? await systemd.run("journalctl", "-u", Self.runner, "-n", "20", "-o", "cat", "--no-pager")) ?? "no log"
        }
    }

    fileprivate func end() async {
        await systemd.end()
        await agents.close()
    }
}

extension Bench {
    /// Runs `body` with units and a runner that are gone afterwards.
    func withUnits<Result: Sendable>(
        _ count: Int, _ body: @Sendable (UnitHost) async throws -> Result
    ) async throws -> Result {
        try await withStubServer { stub in
            let systemd = try await PrivateSystemd(showing: [ours.program, agent], hasBus: true)
            do {
                let host = try await UnitHost(systemd, count: count, stub: stub)
                try await host.start(ours.program, agent: agent)
                let result = try await body(host)
                await host.end()
                return result
            } catch {
                await systemd.end()
                throw error
            }
        }
    }
}

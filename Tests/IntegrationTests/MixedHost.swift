import SystemSupport
import SystemdSupport
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// One target of each type.
struct MixedHost {
    /// What a type is known from.
    enum Source {
        case engine, bus

        var agent: String {
            switch self {
            case .engine: "web"
            case .bus: "unit"
            }
        }
    }

    static let agents = ["web", "unit", "worker"]
    /// So that what ran goes on without it.
    static let engineOptions = ["--live-restore"]

    let docker: PrivateDocker
    let systemd: PrivateSystemd
    let directory: AgentDirectory
    let stub: StubServer

    func start() async throws {
        try await docker.start("web")
        try await systemd.start("unit.service", "[Service]\nExecStart=/bin/sleep infinity\n")
        try await directory.start("worker")
    }

    /// Kills it, with what would bring it back.
    func fail(_ source: Source) async throws {
        switch source {
        case .engine: try await docker.kill()
        case .bus:
            try await systemd.run(
                "sh", "-c",
                #"kill -KILL "$(systemctl show -P MainPID dbus.service)"; systemctl stop dbus.socket dbus.service"#)
        }
    }

    func repair(_ source: Source) async throws {
        switch source {
        case .engine: try await docker.up(options: Self.engineOptions)
        case .bus: try await systemd.run("systemctl", "start", "dbus.socket", "dbus.service")
        }
    }

    func crash(_ agent: String) async throws {
        switch agent {
        case "web": try await docker.crash("web")
        case "unit": try await systemd.run("systemctl", "kill", "--signal=KILL", "unit.service")
        default:
            let pid = try #require(directory.processID(of: agent))
            try ProcessHandle(pid: pid).send(SIGKILL)
        }
    }

    /// What the runner needs to find them all.
    var environment: [String: String] {
        guard case .bus(let address) = systemd.bus else { return [:] }
        return docker.environment.merging(
            ["CLEVAGENT_API_KEY": "cv_test", "DBUS_SYSTEM_BUS_ADDRESS": address]
        ) { $1 }
    }

    var arguments: [String] {
        [
            BuiltProgram.runner.path, "--endpoint", stub.endpoint, "--heartbeat-interval", "1", "--state-dir",
            directory.path + "/runner", "--docker-command", PrivateDocker.client, "--watch", "docker:web", "--watch",
            "systemd:unit", "--watch", "process:" + directory.pidFile(of: "worker"),
        ]
    }
}

/// Runs `body` with a runner that watches one target of each type.
func withMixedHost(_ body: (MixedHost) async throws -> Void) async throws {
    try await withPrivateSystemd(hasBus: true) { systemd in
        try await withPrivateDocker(options: MixedHost.engineOptions) { docker in
            try await withAgentDirectory { directory in
                try await withStubServer { stub in
                    let host = MixedHost(docker: docker, systemd: systemd, directory: directory, stub: stub)
                    try await host.start()
                    let runner = try ChildProcess(host.arguments, environment: host.environment)
                    do {
                        try await body(host)
                    } catch {
                        await runner.end()
                        throw error
                    }
                    #expect(await runner.end() == 0)
                }
            }
        }
    }
}

import DockerWatcher
import Glibc
import Logging
import Supervision
import SystemSupport
import TestSupport
import Testing
import WatcherAPI

// One after the other, with an engine for each: they start hundreds of containers.
@Suite(.serialized, .needsDocker, .timeLimit(.minutes(10)))
struct DockerWatcherConformanceTests {
    @Test func `The docker watcher keeps the contract`() async throws {
        try await withPrivateDocker { docker in
            for check in WatcherConformance.checks {
                do {
                    try await check.run(on: ConformanceContainer(docker))
                } catch {
                    Issue.record("\(check): \(error)")
                }
            }
        }
    }

    @Test func `Of 200 deaths in a row none is missed and nothing is left behind`() async throws {
        try await withPrivateDocker { docker in
            try await WatcherConformance.deaths(200, of: ConformanceContainer(docker))
        }
    }
}

/// A container, as the suite wants it.
private struct ConformanceContainer: WatcherConformanceTarget {
    let id = TargetID(kind: .docker, name: "bot")
    let watcher: any Watcher & TargetController
    private let docker: PrivateDocker

    init(_ docker: PrivateDocker) throws {
        self.docker = docker
        let context = WatcherContext(
            targets: [id: TargetSettings()], memory: MemoryWatcherMemory(), logger: Logger(label: "test"))
        watcher = DockerWatcher(
            context, program: PrivateDocker.client, environment: docker.environment, loop: try EventLoop())
    }

    func start() async throws {
        guard (try? await docker.run("start", id.name)) == nil else { return }
        try await docker.start(id.name)
    }

    func crash() async throws { try await docker.crash(id.name) }
    func stopInOrder() async throws { try await docker.run("stop", id.name) }
    func remove() async throws { _ = try? await docker.run("rm", "-f", id.name) }
}

extension Trait where Self == ConditionTrait {
    /// Skipped where there is no Docker engine to start; in CI that is a failure.
    static var needsDocker: Self {
        let canStart =
            geteuid() == 0 && access("/usr/sbin/dockerd", X_OK) == 0 && access("/bin/busybox", X_OK) == 0
        return .enabled(
            if: canStart || getenv("CI") != nil,
            "starts a Docker engine: needs root and the packages docker.io, iptables and busybox-static")
    }
}

import SystemPackage
import SystemSupport
import TestSupport
import Testing
import WireProtocol

/// A process target that is the first process of a real container.
@Suite(.serialized, .needsDocker, .timeLimit(.minutes(2))) struct ContainerProcessTests {
    @Test func whatRunsInAContainerIsToldAndLeftToDocker() async throws {
        try await withPrivateDocker { docker in
            try await docker.start("bot")
            let pidFile = docker.directory + "/bot.pid"
            try replaceFile(
                .init(pidFile), with: Array("\(try await docker.pid(of: "bot"))\n".utf8), permissions: 0o644)
            try await withStubServer { stub in
                let runner = try ChildProcess(
                    [
                        BuiltProgram.runner.path, "--endpoint", stub.endpoint, "--heartbeat-interval", "1",
                        "--state-dir", docker.directory + "/runner", "--watch", "process:" + pidFile,
                    ], environment: ["PATH": "/usr/bin:/bin", "CLEVAGENT_API_KEY": "cv_test"])
                do {
                    let up = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
                    try await docker.crash("bot")
                    let told = try await stub.heartbeat(after: up.index) { $0.event?.kind == .died }
                    #expect(told.heartbeat.status == .error)
                    #expect(
                        told.heartbeat.message?.contains(
                            "can't be restarted: it runs in a container: watch it as docker:") == true)
                    // A round later it is as it was.
                    _ = try await stub.heartbeat(after: told.index) { $0.status == .error && $0.event == nil }
                    #expect(try await docker.run("inspect", "--format", "{{.State.Running}}", "bot") == "false")
                    #expect(!stub.heartbeats.contains { $0.heartbeat.event?.kind == .restarting })
                } catch {
                    await runner.end()
                    throw error
                }
                #expect(await runner.end() == 0)
            }
        }
    }
}

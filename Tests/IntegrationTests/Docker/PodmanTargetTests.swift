import SystemSupport
import TestSupport
import Testing
import WireProtocol

#if canImport(Glibc)
    import Glibc
#endif

/// The runner as it is shipped, with `--docker-command podman` and a server.
@Suite(.serialized, .needsPodman, .timeLimit(.minutes(2))) struct PodmanTargetTests {
    @Test func aContainerOfPodmanIsToldBroughtBackRestartedAndStopped() async throws {
        let podman = try await PrivatePodman()
        do {
            try await podman.run(
                "run", "-d", "--name", "bot", "--network", "none", "localhost/test/busybox:1", "sh", "-c",
                "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done")
            try await withStubServer { stub in try await watch(podman, stub) }
        } catch {
            await podman.end()
            throw error
        }
        await podman.end()
    }

    private func watch(_ podman: PrivatePodman, _ stub: StubServer) async throws {
        let runner = try ChildProcess(
            [
                BuiltProgram.runner.path, "--endpoint", stub.endpoint, "--heartbeat-interval", "1", "--state-dir",
                podman.directory + "/runner", "--docker-command", podman.client, "--watch", "docker:bot",
            ], environment: podman.environment.merging(["CLEVAGENT_API_KEY": "cv_test"]) { $1 })
        do {
            let up = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
            let first = try await pid(podman)

            try ProcessHandle(pid: first).send(SIGKILL)
            let died = try await stub.heartbeat(after: up.index) { $0.event?.kind == .died }
            #expect(died.heartbeat.status == .error)
            let back = try await stub.heartbeat(after: died.index) { $0.event?.kind == .restarted }
            let second = try await pid(podman)
            #expect(back.heartbeat.event?.pid == Int(second))

            let restart = stub.queue("restart", type: "docker", target: "bot", agent: "bot")
            let restarted = try await stub.result(of: restart.id).result
            #expect(restarted.status == .completed, "\(restarted.message ?? "")")
            let third = try await pid(podman)
            #expect(third > 1 && third != second)

            let stop = stub.queue("stop", type: "docker", target: "bot", agent: "bot")
            #expect(try await stub.result(of: stop.id).result.status == .completed)
            #expect(try await podman.run("inspect", "--format", "{{.State.Status}}", "bot") == "exited")
            _ = try await stub.heartbeat(after: back.index) { $0.status == .shutdown }
        } catch {
            await runner.end()
            throw error
        }
        #expect(await runner.end() == 0)
    }

    private func pid(_ podman: PrivatePodman) async throws -> Int32 {
        Int32(try await podman.run("inspect", "--format", "{{.State.Pid}}", "bot")) ?? 0
    }
}

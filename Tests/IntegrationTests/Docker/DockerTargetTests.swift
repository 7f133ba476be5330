import SystemSupport
import TestSupport
import Testing
import WireProtocol

#if canImport(Glibc)
    import Glibc
#endif

/// The runner as it is shipped, with a real Docker engine and a server.
@Suite(.serialized, .needsDocker, .timeLimit(.minutes(3))) struct DockerTargetTests {
    @Test func whatIsKilledIsToldAndBroughtBack() async throws {
        try await withDockerRunner { docker, stub in
            let up = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
            try await docker.crash("bot")
            let died = try await stub.heartbeat(after: up.index) { $0.event?.kind == .died }
            #expect(died.heartbeat.status == .error)
            let why = try await stub.heartbeat(after: died.index) { $0.event?.kind == .evidence }
            #expect(why.heartbeat.message?.contains("died") == true)
            #expect(
                why.heartbeat.message?.contains("exit 137; that is what SIGKILL (9) leaves; restarting now") == true)
            let back = try await stub.heartbeat(after: died.index) { $0.event?.kind == .restarted }
            #expect(back.heartbeat.event?.pid == Int(try await docker.pid(of: "bot")))
        }
    }

    @Test func anEndForLackOfMemoryIsToldAsOne() async throws {
        try await withDockerRunner(options: ["--memory", "24m", "--memory-swap", "24m"]) { docker, stub in
            let up = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
            _ = try? await docker.run("exec", "bot", "sh", "-c", "kill -9 $$")
            // Its first process eats memory until the kernel ends it.
            try await docker.run("rm", "-f", "bot")
            try await docker.run(
                "run", "-d", "--name", "bot", "--network", "none", "--memory", "24m", "--memory-swap", "24m",
                PrivateDocker.image, "sh", "-c", "sleep 1; x=x; while :; do x=$x$x; done")
            let told = try await stub.heartbeat(after: up.index) { $0.event?.oom == true }
            let pid = try #require(told.heartbeat.event?.pid)
            #expect(
                told.heartbeat.message
                    == "bot was killed by the kernel: out of memory (PID \(pid)); exit 137; restarting now")
            _ = try await stub.heartbeat(after: told.index) { $0.event?.kind == .started }
        }
    }

    /// By itself: nobody asked it to.
    @Test func aCleanExitIsAnEndLikeAnyOther() async throws {
        try await withDockerRunner { docker, stub in
            let up = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
            // Detached: with its container the command itself ends, often before it could say that it was well.
            try await docker.run("exec", "--detach", "bot", "kill", "-TERM", "1")
            let told = try await stub.heartbeat(after: up.index) { $0.event?.kind == .exited }
            let pid = try #require(told.heartbeat.event?.pid)
            #expect(told.heartbeat.message == "bot ended by itself (PID \(pid)): exit 0; restarting now")
            _ = try await stub.heartbeat(after: told.index) { $0.event?.kind == .restarted }
        }
    }

    @Test func aStopByHandIsLeftAlone() async throws {
        try await withDockerRunner { docker, stub in
            let up = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
            let pid = try await docker.pid(of: "bot")
            try await docker.run("stop", "bot")
            let told = try await stub.heartbeat(after: up.index) { $0.event?.kind == .stopped }
            #expect(told.heartbeat.status == .shutdown)
            #expect(
                told.heartbeat.message
                    == "bot was stopped by somebody (PID \(pid)): exit 0; it was told to by docker stop or kill")
            _ = try await stub.heartbeat(after: told.index) { $0.status == .shutdown }
            #expect(try await docker.run("inspect", "--format", "{{.State.Running}}", "bot") == "false")
            // Removed and made anew, it is the same agent again.
            try await docker.run("rm", "-f", "bot")
            try await docker.start("bot")
            let again = try await stub.heartbeat(after: told.index) { $0.status == .ok }
            #expect(again.heartbeat.event?.kind == .started)
        }
    }

    @Test func whatIsUnhealthyIsRestarted() async throws {
        let check = [
            "--health-cmd", "test ! -e /sick || { echo no answer; false; }", "--health-interval", "1s",
            "--health-retries", "1",
        ]
        try await withDockerRunner(options: check) { docker, stub in
            let up = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
            // Gone with the next start, like what made it sick.
            try await docker.run("exec", "bot", "sh", "-c", "mount -t tmpfs none /tmp 2>/dev/null; touch /sick")
            let told = try await stub.heartbeat(after: up.index) { $0.event?.kind == .unhealthy }
            #expect(told.heartbeat.status == .error)
            #expect(
                told.heartbeat.message == "bot is unhealthy: its health check fails: no answer; restarting now")
            let pid = up.heartbeat.event?.pid
            let started = try await stub.heartbeat(after: told.index) { $0.event?.kind == .started }
            #expect(started.heartbeat.event?.pid != pid)
        }
    }

    @Test func itsOwnRestartPolicyComesFirst() async throws {
        try await withDockerRunner(options: ["--restart", "always"]) { docker, stub in
            let up = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
            let first = try await docker.pid(of: "bot")
            try await docker.crash("bot")
            let back = try await stub.heartbeat(after: up.index) {
                $0.event?.kind == .started || $0.event?.kind == .recovered
            }
            #expect(back.heartbeat.event?.pid.map(Int32.init) != first)
            let told = stub.heartbeats.map(\.heartbeat)
            let death = try #require(told.first { $0.event?.kind == .died })
            #expect(death.status == .warning)
            let words = "bot died (PID \(first)): exit 137; that is what SIGKILL (9) leaves; "
            // It may run again before anybody can look.
            #expect(
                ["its own supervisor restarts it", "it was brought back, not by this runner"].contains {
                    death.message == words + $0
                })
            #expect(!told.contains { $0.status == .error || $0.event?.kind == .restarting })
            #expect(try await docker.run("inspect", "--format", "{{.RestartCount}}", "bot") == "1")
        }
    }

    /// Each death once, with how it ended, and what goes on and on as what it is; the hands stay off.
    @Test func aCrashLoopThatDockerRestartsIsToldAndLeftToIt() async throws {
        try await withDockerRunner { docker, stub in
            let up = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
            try await docker.run("rm", "-f", "bot")
            try await docker.run(
                "run", "-d", "--name", "bot", "--network", "none", "--restart", "always", PrivateDocker.image, "sh",
                "-c", "sleep 0.5; exit 3")
            let loop = try await stub.heartbeat(after: up.index, within: .seconds(30)) { $0.event?.kind == .crashLoop }
            #expect(loop.heartbeat.status == .warning)
            #expect(
                loop.heartbeat.message
                    == "bot is in a crash loop: 6 restarts in 10 min; it is left to its own supervisor")
            let deaths = stub.heartbeats.prefix(loop.index).map(\.heartbeat).filter { $0.event?.kind == .died }
            let pids = deaths.compactMap(\.event?.pid)
            #expect(pids.count == 6 && Set(pids).count == 6)
            for death in deaths {
                #expect(death.status == .warning)
                #expect(death.event?.exitCode == 3)
                #expect(
                    death.message
                        == "bot died (PID \(death.event?.pid ?? 0)): exit 3; its own supervisor restarts it")
            }
            let told = stub.heartbeats.dropFirst(up.index).map(\.heartbeat)
            #expect(!told.contains { $0.status == .error || $0.event?.kind == .restarting })
        }
    }

    /// Its policy restarts it once; the ten seconds in which Docker might yet do something are none of its uptime.
    @Test func whatItsOwnPolicyGivesUpIsTakenUpAfterTenSeconds() async throws {
        try await withDockerRunner(runner: ["--log-tail", "5"]) { docker, stub in
            let up = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
            try await docker.run("rm", "-f", "bot")
            try await docker.run(
                "run", "-d", "--name", "bot", "--network", "none", "--restart", "on-failure:1", PrivateDocker.image,
                "sh", "-c", "echo bye; sleep 2; exit 3")
            let left = try await stub.heartbeat(after: up.index) { $0.event?.kind == .died }
            #expect(left.heartbeat.message?.hasSuffix("exit 3; its own supervisor restarts it") == true)
            let died = try await stub.heartbeat(after: left.index) { $0.event?.kind == .died }
            #expect(died.heartbeat.status == .error)
            let pid = try #require(died.heartbeat.event?.pid)
            #expect(
                died.heartbeat.message == "bot died (PID \(pid)): exit 3; restarting within 10 s (2nd try in 10 min)")
            let why = try await stub.heartbeat(after: died.index) { $0.event?.kind == .evidence }
            #expect(why.heartbeat.message?.contains("was up 2 s; 1 restart in 10 min before") == true, "\(why)")
            _ = try await stub.heartbeat(after: died.index) { $0.event?.kind == .restarting }
        }
    }

    @Test func anEndForLackOfMemoryThatDockerRestartsIsToldAsOne() async throws {
        try await withDockerRunner { docker, stub in
            let up = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
            try await docker.run("rm", "-f", "bot")
            try await docker.run(
                "run", "-d", "--name", "bot", "--network", "none", "--restart", "always", "--memory", "24m",
                "--memory-swap", "24m", PrivateDocker.image, "sh", "-c", "sleep 1; x=x; while :; do x=$x$x; done")
            let told = try await stub.heartbeat(after: up.index) { $0.event?.oom == true }
            let pid = try #require(told.heartbeat.event?.pid)
            #expect(told.heartbeat.status == .warning)
            #expect(
                told.heartbeat.message
                    == "bot was killed by the kernel: out of memory (PID \(pid)); exit 137; its own supervisor restarts it"
            )
        }
    }

    /// `docker stop` and `docker rm -f` of what waits for its own restart policy signal nobody.
    @Test(arguments: ["stop", "rm -f"]) func whatIsTakenAwayWhileItWaitsForItsPolicyWasTakenAwayBySomebody(
        command: String
    ) async throws {
        try await withDockerRunner(options: ["--restart", "always"]) { docker, stub in
            let up = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
            try await docker.run("rm", "-f", "bot")
            try await docker.run(
                "run", "-d", "--name", "bot", "--network", "none", "--restart", "always", PrivateDocker.image, "sh",
                "-c", "sleep 0.5; exit 3")
            // After the fifth death it waits for 1.6 s.
            var last = up.index
            for _ in 1...5 { last = try await stub.heartbeat(after: last) { $0.event?.kind == .died }.index }
            #expect(try await docker.run("inspect", "--format", "{{.State.Status}}", "bot") == "restarting")
            if command == "stop" {
                try await docker.run("stop", "bot")
            } else {
                try await docker.run("rm", "-f", "bot")
            }
            let told = try await stub.heartbeat(after: last) { $0.event?.kind == .stopped || $0.status == .error }
            let how = command == "stop" ? "it was told to by docker stop or kill" : "it was removed (docker rm)"
            #expect(told.heartbeat.status == .shutdown)
            #expect(
                told.heartbeat.message
                    == "bot was stopped by somebody (PID \(told.heartbeat.event?.pid ?? 0)): exit 3; \(how)")
            // Two rounds later it is left as it is.
            let next = try await stub.heartbeat(after: told.index) { $0.event == nil && $0.status == .shutdown }
            _ = try await stub.heartbeat(after: next.index) { $0.event == nil && $0.status == .shutdown }
            #expect(nothingWasDone(stub))
        }
    }

    /// Nobody knows what the name stands for now; it runs on under another one.
    @Test func whatIsRenamedIsNotDeadAndFollowedWhenItsNameIsBack() async throws {
        try await withDockerRunner { docker, stub in
            let up = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
            try await docker.run("rename", "bot", "bot-old")
            let told = try await stub.heartbeat(after: up.index) { $0.status != .ok }
            #expect(told.heartbeat.status == .warning)
            #expect(
                told.heartbeat.message
                    == "bot: there is no container named bot; the container was renamed to bot-old")
            try await docker.run("rename", "bot-old", "bot")
            let back = try await stub.heartbeat(after: told.index) { $0.status == .ok }
            #expect(back.heartbeat.event?.kind == .recovered)
            // Another one with its name is the target from then on.
            try await docker.run("rename", "bot", "bot-old")
            try await docker.start("bot")
            let next = try await stub.heartbeat(after: back.index) { $0.event?.kind == .started }
            #expect(next.heartbeat.event?.pid == Int(try await docker.pid(of: "bot")))
            #expect(nothingWasDone(stub))
        }
    }

    /// What was removed is missing, and nothing is made in its place; what has its name is it again.
    @Test func whatIsRemovedAndMadeAgainIsFollowed() async throws {
        try await withDockerRunner { docker, stub in
            let up = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
            try await docker.run("rm", "-f", "bot")
            let stopped = try await stub.heartbeat(after: up.index) { $0.event?.kind == .stopped }
            let pid = try #require(stopped.heartbeat.event?.pid)
            #expect(
                stopped.heartbeat.message
                    == "bot was stopped by somebody (PID \(pid)): exit 137; it was told to by docker stop or kill")
            let missing = try? await stub.heartbeat(after: stopped.index, within: .seconds(6)) {
                $0.message == "bot is missing: there is no container of that name"
            }
            #expect(missing?.heartbeat.status == .shutdown, "\(stub.heartbeats.suffix(4).map(\.heartbeat))")
            #expect(!stub.heartbeats.contains { $0.heartbeat.event?.kind == .restarting })
            try await docker.start("bot")
            let again = try await stub.heartbeat(after: stopped.index) { $0.status == .ok }
            #expect(again.heartbeat.event?.kind == .started)
            #expect(again.heartbeat.event?.pid == Int(try await docker.pid(of: "bot")))
        }
    }

    /// From the kernel's own files, for which no program is started.
    @Test func itsMemoryIsTold() async throws {
        try await withDockerRunner { _, stub in
            let told = try await stub.heartbeat(within: .seconds(60)) { $0.status == .ok && $0.memoryMB != nil }
            #expect(told.heartbeat.memoryMB.map { $0 > 0 && $0 < 100 } == true)
        }
    }

    @Test func aPauseIsAWarning() async throws {
        try await withDockerRunner { docker, stub in
            let up = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
            try await docker.run("pause", "bot")
            let told = try await stub.heartbeat(after: up.index) { $0.status == .warning }
            #expect(told.heartbeat.message == "bot is paused (docker pause)")
            try await docker.run("unpause", "bot")
            _ = try await stub.heartbeat(after: told.index) { $0.status == .ok }
        }
    }

    @Test func aCommandRestartsIt() async throws {
        try await withDockerRunner { docker, stub in
            _ = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
            let first = try await docker.pid(of: "bot")
            let restart = stub.queue("restart", type: "docker", target: "bot", agent: "bot")
            #expect(try await stub.result(of: restart.id).result.status == .completed)
            #expect(try await docker.pid(of: "bot") != first)
            let stop = stub.queue("stop", type: "docker", target: "bot", agent: "bot")
            #expect(try await stub.result(of: stop.id).result.status == .completed)
            #expect(try await docker.pid(of: "bot") == 0)
        }
    }

    /// The engine adopts what ran on: nothing has happened.
    @Test func anEngineThatIsKilledMidwayHarmsNothing() async throws {
        try await withDockerRunner(engine: ["--live-restore"]) { docker, stub in
            let up = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
            let pid = try await docker.pid(of: "bot")
            try await docker.kill()
            let lost = try await stub.heartbeat(after: up.index) { $0.status == .warning }
            #expect(
                lost.heartbeat.message?.contains("bot can't be judged: Cannot connect to the Docker daemon") == true)
            try await docker.up(options: ["--live-restore"])
            let back = try await stub.heartbeat(after: lost.index) { $0.status == .ok }
            #expect(back.heartbeat.event?.pid == Int(pid))
            #expect(nothingWasDone(stub))
            #expect(try await docker.pid(of: "bot") == pid)
            // And it is watched again.
            try await docker.crash("bot")
            _ = try await stub.heartbeat(after: back.index) { $0.event?.kind == .restarted }
        }
    }

    /// Without live-restore the engine ends what ran on when it comes back: unknown first, then started again.
    /// One that is told to end stops what it has, as a person would.
    @Test(arguments: [true, false]) func whatEndsWithTheEngineIsNoDeathUntilTheEngineHadItsTime(
        inGoodOrder: Bool
    ) async throws {
        try await withDockerRunner { docker, stub in
            let up = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
            if inGoodOrder { try await docker.stop() } else { try await docker.kill() }
            let lost = try await stub.heartbeat(after: up.index) { $0.status == .warning }
            try await docker.up()
            let held = try await stub.heartbeat(after: lost.index) {
                $0.message?.contains("is down since the Docker engine was away") == true
            }
            #expect(held.heartbeat.status == .warning)
            #expect(nothingWasDone(stub))
            let died = try await stub.heartbeat(after: held.index) { $0.event?.kind == .died }
            #expect(died.heartbeat.message?.contains("it ended while the Docker engine was away") == true)
            _ = try await stub.heartbeat(after: died.index) { $0.event?.kind == .restarted }
        }
    }

    // MARK: - The runner and its container

    /// Nothing was told as an error, and no restart begun.
    private func nothingWasDone(_ stub: StubServer) -> Bool {
        !stub.heartbeats.contains { $0.heartbeat.status == .error || $0.heartbeat.event?.kind == .restarting }
    }

    private func withDockerRunner(
        engine: [String] = [], options: [String] = [], runner flags: [String] = [],
        _ body: (PrivateDocker, StubServer) async throws -> Void
    ) async throws {
        try await withPrivateDocker(options: engine) { docker in
            try await docker.start("bot", options)
            try await withStubServer { stub in
                let runner = try ChildProcess(
                    [
                        BuiltProgram.runner.path, "--endpoint", stub.endpoint, "--heartbeat-interval", "1",
                        "--state-dir", docker.directory + "/runner", "--docker-command", PrivateDocker.client,
                        "--watch", "docker:bot",
                    ] + flags, environment: docker.environment.merging(["CLEVAGENT_API_KEY": "cv_test"]) { $1 })
                do {
                    try await body(docker, stub)
                } catch {
                    await runner.end()
                    throw error
                }
                #expect(await runner.end() == 0)
            }
        }
    }
}

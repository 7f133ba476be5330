import FoundationEssentials
import SystemSupport
import TestSupport
import Testing
import WireProtocol

#if canImport(Glibc)
    import Glibc
#endif

/// What survives the runner: it is killed, started again, and nothing is harmed, forgotten or done twice.
@Suite(.timeLimit(.minutes(2))) struct RunnerRestartTests {
    @Test func killedWhileItWatchesTenItHarmsNoneAndStartsNoneTwice() async throws {
        let names = (1...10).map { "bot-\($0)" }
        try await withAgentDirectory { agents in
            for name in names { try await agents.start(name) }
            try await withStubServer { stub in
                let first = try start(agents, names, stub)
                try await allAreUp(names, stub, after: -1)
                first.signal(SIGKILL)
                await first.ended()
                for name in names { #expect(agents.processID(of: name).map(AgentDirectory.isRunning) == true) }

                let seen = stub.heartbeats.count - 1
                let second = try start(agents, names, stub)
                try await allAreUp(names, stub, after: seen)
                for name in names { #expect(agents.lives(of: name).count == 1) }

                // All are watched again: each death is told, and each comes back once.
                for name in names { kill(try #require(agents.processID(of: name)), SIGKILL) }
                for name in names {
                    let back = try await stub.heartbeat(after: seen) {
                        $0.agent == name && $0.event?.kind == .restarted
                    }
                    #expect(back.heartbeat.event?.pid == agents.processID(of: name).map(Int.init))
                    #expect(agents.lives(of: name).count == 2)
                }
                #expect(await second.end() == 0)
                for name in names { #expect(agents.processID(of: name).map(AgentDirectory.isRunning) == true) }
            }
        }
    }

    @Test func aSignalThatMeansNothingEndsNothingAndIsNotIgnoredByWhatIsStarted() async throws {
        try await withAgentDirectory { agents in
            try await agents.start("bot")
            try await withStubServer { stub in
                let runner = try start(agents, ["bot"], stub)
                try await allAreUp(["bot"], stub, after: -1)
                for signal in [SIGHUP, SIGUSR1, SIGUSR2, SIGALRM] { runner.signal(signal) }
                kill(try #require(agents.processID(of: "bot")), SIGKILL)
                _ = try await stub.heartbeat { $0.event?.kind == .restarted }
                let life = try #require(agents.lives(of: "bot").last)
                let status = try String(contentsOfFile: "/proc/\(life)/status", encoding: .utf8)
                // Signals 32 and 33 are libc's own (nptl(7)).
                let ignored = try #require(status.firstMatch(of: /SigIgn:\t([0-9a-f]+)/)).1
                #expect(try #require(UInt64(ignored, radix: 16)) & 0x7fff_ffff == 0)
                #expect(await runner.end() == 0)
            }
        }
    }

    @Test func aStopHoldsThroughARestartOfTheRunner() async throws {
        try await withAgentDirectory { agents in
            try await agents.start("bot")
            try await withStubServer { stub in
                let first = try start(agents, ["bot"], stub)
                try await allAreUp(["bot"], stub, after: -1)
                let stop = stub.queue("stop", target: agents.pidFile(of: "bot"), agent: "bot")
                let result = try await stub.result(of: stop.id)
                #expect(result.result.status == .completed)
                let last = try #require(agents.lives(of: "bot").last)
                #expect(!AgentDirectory.isRunning(last))
                first.signal(SIGKILL)
                await first.ended()

                let seen = stub.heartbeats.count - 1
                let second = try start(agents, ["bot"], stub)
                let told = try await stub.heartbeat(after: seen) { $0.agent == "bot" }
                #expect(told.heartbeat.status == .shutdown)
                // Still so an interval later, and no second life was begun.
                _ = try await stub.heartbeat(after: told.index) { $0.agent == "bot" && $0.status == .shutdown }
                #expect(agents.lives(of: "bot").count == 1)
                #expect(await second.end() == 0)
            }
        }
    }

    @Test func whatIsDownAtFirstSightIsToldAndNotStarted() async throws {
        try await withAgentDirectory { agents in
            try await agents.start("bot")
            try await end(try #require(agents.processID(of: "bot")))
            try await withStubServer { stub in
                let runner = try start(agents, ["bot"], stub)
                let told = try await stub.heartbeat { $0.agent == "bot" }
                #expect(told.heartbeat.status == .error)
                #expect(told.heartbeat.message?.contains("not started") == true)
                _ = try await stub.heartbeat(after: told.index) { $0.agent == "bot" && $0.status == .error }
                #expect(agents.lives(of: "bot").count == 1)
                #expect(await runner.end() == 0)
            }
        }
    }

    @Test func whatDiedWhileTheRunnerWasAwayIsToldAndBroughtBack() async throws {
        try await withAgentDirectory { agents in
            try await agents.start("bot")
            try await withStubServer { stub in
                let first = try start(agents, ["bot"], stub)
                try await allAreUp(["bot"], stub, after: -1)
                #expect(await first.end() == 0)
                #expect(agents.processID(of: "bot").map(AgentDirectory.isRunning) == true)
                try await end(try #require(agents.processID(of: "bot")))
                let second = try start(agents, ["bot"], stub)
                _ = try await stub.heartbeat { $0.event?.kind == .died }
                _ = try await stub.heartbeat { $0.event?.kind == .restarted }
                #expect(agents.lives(of: "bot").count == 2)
                #expect(await second.end() == 0)
            }
        }
    }

    @Test func aServerThatHangsDoesNotHoldUpTheEnd() async throws {
        try await withAgentDirectory { agents in
            try await agents.start("bot")
            try await withStubServer { stub in
                let runner = try start(agents, ["bot"], stub)
                try await allAreUp(["bot"], stub, after: -1)
                stub.script(.any, always: .hang)
                _ = try await stub.request(.batch, after: stub.requests.count - 1)
                #expect(await runner.end(within: .seconds(12)) == 0)
            }
        }
    }

    /// Wherever in the restart the runner is killed: one copy lives in the end, and the command has one true result.
    @Test(arguments: [HeartbeatEvent.Kind.restarting, .started]) func killedInTheMiddleOfARestart(
        at moment: HeartbeatEvent.Kind
    ) async throws {
        try await withAgentDirectory { agents in
            try await agents.start("bot")
            try await withStubServer { stub in
                let first = try start(agents, ["bot"], stub)
                try await allAreUp(["bot"], stub, after: -1)
                let command = stub.queue("restart", target: agents.pidFile(of: "bot"), agent: "bot")
                _ = try await stub.heartbeat { $0.event?.kind == moment }
                first.signal(SIGKILL)
                await first.ended()

                let second = try start(agents, ["bot"], stub)
                // What was begun and leaves no trace is waited for, half a minute.
                let result = try await stub.result(of: command.id, within: .seconds(60))
                let lives = agents.lives(of: "bot")
                #expect(lives.filter(AgentDirectory.isRunning).count == 1)
                switch result.result.status {
                case .completed: #expect(lives.count == 2)
                case .failed:
                    let message = try #require(result.result.message)
                    // Killed before the record was on the disk, nothing had begun.
                    #expect(
                        message.contains("outcome unknown") || message.contains("not carried out") && lives.count == 1)
                case .rejected: Issue.record("a command in hand was rejected")
                }
                #expect(await second.end() == 0)
                #expect(Set(stub.results.map(\.result.status)).count == 1)
            }
        }
    }

    @Test func whatTheServerDidNotTakeSurvivesTheRunner() async throws {
        try await withAgentDirectory { agents in
            try await agents.start("bot")
            try await withStubServer { stub in
                let first = try start(agents, ["bot"], stub)
                try await allAreUp(["bot"], stub, after: -1)
                stub.script(.batch, always: .hang)
                let process = try #require(agents.processID(of: "bot"))
                try await end(process)
                let lost = try await stub.request(.batch) { request in
                    (try? request.decode(HeartbeatBatch.self))?.heartbeats.contains { $0.event?.kind == .died } ?? false
                }
                first.signal(SIGKILL)
                await first.ended()
                stub.clearScript()

                let second = try start(agents, ["bot"], stub)
                let died = try await stub.heartbeat { $0.event?.kind == .died }
                #expect(died.heartbeat.event?.pid == Int(process))
                let sent = try lost.decode(HeartbeatBatch.self).heartbeats.first { $0.event?.kind == .died }
                #expect(died.heartbeat.eventID == sent?.eventID)
                #expect(died.heartbeat.seq == sent?.seq)
                _ = try await stub.heartbeat { $0.event?.kind == .restarted }
                #expect(await second.end() == 0)
                let told = stub.heartbeats.map(\.heartbeat).filter { $0.event != nil }
                #expect(told.count { $0.event?.kind == .died } == 1)
                let seqs = told.compactMap(\.seq)
                #expect(seqs == seqs.sorted() && Set(seqs).count == seqs.count)
                #expect(agents.lives(of: "bot").filter(AgentDirectory.isRunning).count == 1)
            }
        }
    }

    /// With everything that it has to say, at its most talkative.
    @Test(arguments: ["DEBUG", "INFO"]) func theKeyIsInNoLog(level: String) async throws {
        let key = "cv_0123456789abcdef"
        try await withAgentDirectory { agents in
            try await agents.start("bot")
            try await withStubServer { stub in
                let log = agents.path + "/log"
                let runner = try ChildProcess(
                    [
                        BuiltProgram.runner.path, "--endpoint", stub.endpoint, "--state-dir", agents.path + "/state",
                        "--log-level", level, "--watch", "process:" + agents.pidFile(of: "bot"),
                    ], environment: AgentDirectory.environment.merging(["CLEVAGENT_API_KEY": key]) { $1 },
                    output: .file(log))
                try await allAreUp(["bot"], stub, after: -1)
                try await end(try #require(agents.processID(of: "bot")))
                _ = try await stub.heartbeat { $0.event?.kind == .started }
                #expect(await runner.end() == 0)
                let text = try String(contentsOfFile: log, encoding: .utf8)
                #expect(text.contains("is starting"))
                #expect(!text.contains(key.dropFirst(3)))
            }
        }
    }

    @Test func aSecondRunnerOnTheSameProcessDoesNotStart() async throws {
        try await withAgentDirectory { agents in
            try await agents.start("bot")
            try await withStubServer { stub in
                let first = try start(agents, ["bot"], stub)
                try await allAreUp(["bot"], stub, after: -1)
                // The same file by another way.
                symlink(agents.path + "/agents", agents.path + "/link")
                let file = agents.path + "/link/bot.pid"
                let claimed =
                    "clevagent-runner: process:\(file) is watched by another runner of this user on this host: two would start it twice"
                let second = try start(agents, [], stub, state: "other", "--watch", "process:" + file, output: .lines)
                var told: [String] = []
                for await line in second.lines { told.append(line) }
                #expect(await second.ended() == 75 << 8)
                #expect(told == [claimed])

                let check = try start(
                    agents, [], stub, "check", state: "other", "--watch", "process:" + file, output: .lines)
                told = []
                for await line in check.lines { told.append(line) }
                #expect(await check.ended() == 0)
                #expect(told.contains(claimed))
                #expect(stub.heartbeats.allSatisfy { $0.heartbeat.status == .ok })

                // A killed one has let go at once.
                first.signal(SIGKILL)
                await first.ended()
                let seen = stub.heartbeats.count - 1
                let third = try start(agents, ["bot"], stub, state: "other")
                try await allAreUp(["bot"], stub, after: seen)
                #expect(await third.end() == 0)
            }
        }
    }

    @Test func aCopyOfAStateDirectoryIsNoSecondRunner() async throws {
        try await withAgentDirectory { agents in
            for name in ["bot", "other"] { try await agents.start(name) }
            try await withStubServer { stub in
                let first = try start(agents, ["bot"], stub)
                try await allAreUp(["bot"], stub, after: -1)
                // As a backup does: with the socket, on which nobody listens.
                let copying = try ChildProcess(
                    ["/bin/cp", "-a", agents.path + "/state", agents.path + "/copy"],
                    environment: AgentDirectory.environment)
                #expect(await copying.ended() == 0)
                let second = try start(agents, ["other"], stub, state: "copy", output: .lines)
                var told: [String] = []
                for await line in second.lines { told.append(line) }
                #expect(await second.ended() == 75 << 8)
                let words = "clevagent-runner: the state directory \(agents.path)/copy is a copy of that of another"
                #expect(told.count == 1 && told.first?.hasPrefix(words) == true, "\(told)")
                // As it says: without the id it is a runner of its own.
                try FileManager.default.removeItem(atPath: agents.path + "/copy/runner.json")
                let seen = stub.heartbeats.count - 1
                let third = try start(agents, ["other"], stub, state: "copy")
                try await allAreUp(["other"], stub, after: seen)
                #expect(await third.end() == 0)
                #expect(await first.end() == 0)
            }
        }
    }

    // MARK: - The runner and its agents

    private func start(
        _ agents: AgentDirectory, _ names: [String], _ stub: StubServer, _ subcommand: String = "start",
        state: String = "state", _ arguments: String..., output: ChildProcess.Output = .discarded
    ) throws -> ChildProcess {
        try ChildProcess(
            [
                BuiltProgram.runner.path, subcommand, "--endpoint", stub.endpoint, "--heartbeat-interval", "1",
                "--state-dir", "\(agents.path)/\(state)",
            ] + names.flatMap { ["--watch", "process:" + agents.pidFile(of: $0)] } + arguments,
            environment: AgentDirectory.environment.merging([
                "CLEVAGENT_API_KEY": "cv_test", "XDG_RUNTIME_DIR": agents.path,
            ]) { $1 }, output: output)
    }

    private func allAreUp(_ names: [String], _ stub: StubServer, after index: Int) async throws {
        for name in names { _ = try await stub.heartbeat(after: index) { $0.agent == name && $0.status == .ok } }
    }

    private func end(_ process: pid_t) async throws {
        let handle = try ProcessHandle(pid: process)
        try handle.send(SIGKILL)
        try await handle.waitForEnd(on: EventLoop())
    }
}

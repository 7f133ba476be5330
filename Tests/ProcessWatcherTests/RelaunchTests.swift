import Glibc
import Logging
import ProcessWatcher
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import Testing
import WatcherAPI

/// Bringing back what has died, with real processes.
@Suite(.timeLimit(.minutes(1)))
struct RelaunchTests {
    @Test func `A process comes back with all that it had`() async throws {
        let watched = try WatchedProcess()
        var options = TestProcess.Options()
        options.directory = watched.directory.path
        options.umask = 0o27
        options.output = watched.directory.file("output")
        options.environment = ["PATH=/usr/bin", "SECRET=a b=c", "EMPTY="]
        let process = try await TestProcess.start(pidFile: watched.pidFile, ["--name", "a b", "--name", ""], options)
        let before = try ProcFS().facts(of: process.pid)
        let (outcome, second) = try await watched.observing { observations in
            let first = try await observations.alive()
            process.kill()
            _ = try await observations.dead()
            let outcome = await watched.perform(.recover)
            return (outcome, try await observations.alive(otherThan: first))
        }
        #expect(outcome == .up(second, note: nil))
        let after = try ProcFS().facts(of: #require(second.pid))
        #expect(after.executable == before.executable)
        #expect(after.arguments == before.arguments)
        #expect(after.environment == before.environment)
        #expect(after.directory == before.directory)
        #expect(after.status.umask == 0o27)
        #expect(after.limits == before.limits)
        #expect(after.output == before.output)
        #expect(after.errorOutput == before.errorOutput)
        #expect(after.output?.path.description == options.output?.string)
        #expect(after.stat.session == after.stat.pid)
        #expect(try ProcFS().descriptorCount(of: after.stat.pid) == 3)
    }

    @Test func `Output that is no longer the same file goes to /dev/null, and that is told`() async throws {
        let watched = try WatchedProcess()
        var options = TestProcess.Options()
        let output = watched.directory.file("output")
        options.output = output
        let process = try await TestProcess.start(pidFile: watched.pidFile, [], options)
        try await watched.observing { observations in
            _ = try await observations.alive()
            unlink(output.string)
            try watched.directory.write("somebody's", to: watched.directory.file("other"))
            symlink(watched.directory.file("other").string, output.string)
            process.kill()
            _ = try await observations.dead()
            guard case .up(let identity, let note?) = await watched.perform(.recover) else {
                Issue.record("the lost output is not told")
                return
            }
            #expect(note.contains(output.string))
            let facts = try ProcFS().facts(of: #require(identity.pid))
            #expect(facts.output?.path == "/dev/null")
        }
    }

    @Test func `A child of ours leaves no zombie, observed or not`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile)
        let second = try await watched.observing { observations in
            let first = try await observations.alive()
            process.kill()
            _ = try await observations.dead()
            _ = await watched.perform(.recover)
            return try await observations.alive(otherThan: first)
        }
        let child = TestProcess(handle: try ProcessHandle(pid: #require(second.pid)))
        #expect(try ProcFS().stat(of: child.pid).parent == getpid())
        try await child.endAndBeCollected()
    }

    @Test func `How a child of ours ended is told`() async throws {
        let directory = try TestProcessDirectory()
        let start = [try TestProcess.testTarget.string, "run", "--name", directory.path.string]
        let watched = try WatchedProcess(TargetSettings(start: start), directory: directory)
        try await watched.observing { observations in
            for (signal, isDeliberate) in [(SIGKILL, false), (SIGTERM, true), (SIGUSR1, false)] {
                async let started = watched.perform(.recover)
                await watched.clock.sleep(lasting: .seconds(5))
                watched.clock.advance(by: .seconds(5))
                guard case .up(let identity, _) = await started else {
                    Issue.record("not started: \(await started)")
                    return
                }
                _ = try await observations.first { $0.liveness == .alive(identity) ? true : nil }
                try ProcessHandle(pid: #require(identity.pid)).send(signal)
                let end = try await observations.dead()
                #expect(end == End(identity: identity, cause: .signal(signal), isDeliberate: isDeliberate))
            }
        }
    }

    @Test func `A PID file removed in the grace makes a death deliberate`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile)
        try await watched.observing { observations in
            _ = try await observations.alive()
            process.kill()
            #expect(try await !observations.dead().isDeliberate)
            unlink(watched.pidFile.string)
            // How it ended may be told in between.
            _ = try await observations.first { observation in
                if case .dead(let end) = observation.liveness, end.isDeliberate { return end }
                return nil
            }
        }
    }

    @Test func `A PID file removed long before a death says nothing of it`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile)
        try await watched.observing { observations in
            _ = try await observations.alive()
            unlink(watched.pidFile.string)
            _ = try await observations.concern("gone")
            watched.clock.advance(by: .seconds(11))
            process.kill()
            let end = try await observations.dead()
            #expect(!end.isDeliberate)
        }
    }

    @Test func `The PID file is written for a program that does not do it`() async throws {
        let watched = try WatchedProcess()
        let process = try watched.startUnannounced(permissions: 0o640)
        try await watched.observing { observations in
            let first = try await observations.alive()
            process.kill()
            _ = try await observations.dead()
            _ = await watched.perform(.recover)
            let second = try await observations.alive(otherThan: first)
            watched.clock.advance(by: .seconds(5))
            try await TestProcess.waitUntil(watched.pidFile, names: #require(second.pid))
            let status = try FileStatus.of(watched.pidFile)
            #expect(status.permissions == 0o640)
        }
    }

    @Test func `A PID file that has become a link is left alone`() async throws {
        let log = StreamedLog()
        let watched = try WatchedProcess(logger: Logger(label: "test") { _ in log })
        let process = try watched.startUnannounced()
        let victim = watched.directory.file("victim")
        try watched.directory.write("precious", to: victim)
        try await watched.observing { observations in
            let first = try await observations.alive()
            process.kill()
            _ = try await observations.dead()
            unlink(watched.pidFile.string)
            symlink(victim.string, watched.pidFile.string)
            _ = await watched.perform(.recover)
            _ = try await observations.alive(otherThan: first)
            watched.clock.advance(by: .seconds(5))
            let told = await log.rewriteOutcome()
            #expect(told?.hasPrefix("PID file is left alone") == true)
            #expect(try readWholeFile(victim, limit: 100) == Array("precious".utf8))
            #expect(readlinkExists(watched.pidFile))
        }
    }

    @Test func `A daemon that a relaunched program makes of itself is followed`() async throws {
        let watched = try WatchedProcess()
        // It writes no PID file, so nothing but its likeness tells it.
        let parent = try ChildProcess(
            [try TestProcess.testTarget.string, "run", "--daemonize", "--name", watched.pidFile.string])
        await parent.ended()
        let daemon = try #require(try processes(named: watched.pidFile.string).first)
        try watched.directory.write("\(daemon)\n", to: watched.pidFile)
        try await watched.observing { observations in
            let first = try await observations.alive()
            #expect(first.pid == daemon)
            try ProcessHandle(pid: daemon).send(SIGKILL)
            _ = try await observations.dead()
            guard case .up(let launched, _) = await watched.perform(.recover) else {
                Issue.record("not started")
                return
            }
            let second = try await observations.first { observation -> Identity? in
                switch observation.liveness {
                case .alive(let identity) where identity != first && identity != launched: identity
                default: nil
                }
            }
            #expect(await watched.perform(.recover) == .up(second, note: nil))
        }
    }

    // MARK: What is not started

    @Test func `A twin that somebody else has started is taken over`() async throws {
        let watched = try WatchedProcess()
        let arguments = ["run", "--name", watched.pidFile.string]
        let process = try TestProcess.start(try TestProcess.testTarget, arguments)
        try watched.directory.write("\(process.pid)\n", to: watched.pidFile)
        try await watched.observing { observations in
            _ = try await observations.alive()
            process.kill()
            _ = try await observations.dead()
            let twin = try TestProcess.start(try TestProcess.testTarget, arguments)
            guard case .up(let identity, let note?) = await watched.perform(.recover) else {
                Issue.record("not taken over")
                return
            }
            #expect(identity.pid == twin.pid)
            #expect(note.contains("\(twin.pid)"))
        }
    }

    /// Of a script there are two for a while whenever it runs a command.
    @Test func `Of a twin that has forked the first is taken over`() async throws {
        let watched = try WatchedProcess()
        let (gate, proof) = (watched.directory.file("gate"), watched.directory.file("proof"))
        try #require(gate.withPlatformString { mkfifo($0, 0o600) } == 0)
        let script = #"if [ -e "$2" ]; then (echo $$ >"$2"; read go <"$1") & wait; else read go <"$1"; fi"#
        let arguments = ["-c", script, "sh", gate.string, proof.string]
        let process = try TestProcess.start("/bin/sh", arguments)
        try watched.directory.write("\(process.pid)\n", to: watched.pidFile)
        try await watched.observing { observations in
            _ = try await observations.alive()
            process.kill()
            _ = try await observations.dead()
            try watched.directory.write("", to: proof)
            let twin = try TestProcess.start("/bin/sh", arguments)
            try await TestProcess.waitUntil(proof, names: twin.pid)
            defer { try? OwnedDescriptor.open(gate, O_RDWR).writeAll(Array("go\n".utf8)) }
            guard case .up(let identity, _) = await watched.perform(.recover) else {
                Issue.record("not taken over")
                return
            }
            #expect(identity.pid == twin.pid)
        }
    }

    @Test func `Nothing is started while a child of the former life goes on`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile, ["--child"])
        try await watched.observing { observations in
            _ = try await observations.alive()
            let child = try #require(try ProcFS().table().first { $0.parent == process.pid })
            let handle = try ProcessHandle(pid: child.pid)
            defer { try? handle.send(SIGKILL) }
            process.kill()
            _ = try await observations.dead()
            async let outcome = watched.perform(.recover)
            await watched.clock.sleep(lasting: .seconds(5))
            watched.clock.advance(by: .seconds(5))
            let reason = try #require(await outcome.hindrance, "a second copy runs")
            #expect(reason.contains("process \(child.pid)"))
            #expect(handle.isAlive)
        }
    }

    @Test func `Nothing is started that could not be written down`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile, ["--name", watched.pidFile.string])
        try await watched.observing { observations in
            _ = try await observations.alive()
            process.kill()
            let end = try await observations.dead()
            watched.memory.failSaves(with: Errno.noSpace)
            let reason = try #require(await watched.perform(.recover).hindrance, "started without a note")
            #expect(
                reason == "the new process could not be written down, so it was not started: No space left on device")
            let copies = try processes(named: watched.pidFile.string)
            #expect(copies.isEmpty)
            watched.memory.failSaves(with: nil)
            guard case .up(let identity, _) = await watched.perform(.recover) else {
                Issue.record("not started later")
                return
            }
            #expect(identity != end.identity)
        }
    }

    @Test func `A prepared process ends without an exec when the runner is killed`() async throws {
        let path: ByteText = "/bin/sleep"
        let plan = LaunchPlan(
            executable: path, arguments: [path, "1000"], environment: [], directory: "/", umask: 0, limits: [])
        var prepared: GatedProcess? = try ProcessSpawner().prepare(plan)
        let handle = try #require(prepared?.handle)
        #expect(handle.isAlive)
        // As the kernel does it for a process that was killed: the gate is closed.
        prepared = nil
        try await handle.waitForEnd(on: EventLoop())
        #expect(handle.reap() == .exited(0))
    }

    @Test func `An executable that is gone is told, and does not get its process stopped`() async throws {
        let watched = try WatchedProcess()
        let program = watched.directory.file("program")
        try watched.directory.copyExecutable(from: "/bin/sleep", to: program)
        let process = try TestProcess.start(program, ["1000"])
        try watched.directory.write("\(process.pid)\n", to: watched.pidFile)
        try await watched.observing { observations in
            _ = try await observations.alive()
            unlink(program.string)
            guard case .failed(let reason, _) = await watched.perform(.restart) else {
                Issue.record("it was restarted")
                return
            }
            #expect(reason.contains("\(program) is gone"))
            #expect(process.handle.isAlive)
        }
    }

    // MARK: Helpers

    private func readlinkExists(_ path: FilePath) -> Bool {
        (try? readLink(path)) != nil
    }

    private func processes(named name: String) throws -> [Int32] {
        try ProcFS().table().map(\.pid).filter { pid in
            let facts = try? ProcFS().facts(of: pid)
            return facts?.arguments?.contains(ByteText(name)) == true && facts?.stat.isZombie == false
        }
    }

    private func daemon(named name: String, otherThan parent: Int32) async throws -> Int32 {
        // The parent ends when the daemon is made.
        try await ProcessHandle(pid: parent).waitForEnd(on: EventLoop())
        return try #require(try processes(named: name).first { $0 != parent })
    }
}

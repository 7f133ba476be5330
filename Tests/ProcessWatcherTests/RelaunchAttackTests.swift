import Glibc
import Logging
import ProcessWatcher
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import Testing
import WatcherAPI

/// What a user of the host tries, to have a runner that is root do more than that user could.
@Suite(.timeLimit(.minutes(1)), .serialized)
struct RelaunchAttackTests {
    private static let user: UInt32 = 12345

    /// The dynamic linker disregards LD_PRELOAD for a setuid program, and would not when root starts it again (ld.so(8)).
    @Test(.needsRoot) func `What a setuid program was told to load is not loaded as root, whatever becomes of it`()
        async throws
    {
        let watched = try WatchedProcess(owner: Self.user)
        let program = try watched.directory.testTarget(permissions: 0o4755)
        var options = watched.options
        options.environment = ["LD_PRELOAD=\(watched.directory.file("evil.so"))", "PATH=/usr/bin"]
        let process = try TestProcess.start(
            program, ["run", "--switch-user", "0", "--pidfile", watched.pidFile.string], options)
        try await TestProcess.waitUntil(watched.pidFile, names: process.pid)
        #expect(try ProcFS().status(of: process.pid).users == [0, 0, 0, 0])
        // A program that is not setuid takes its place before anybody looks.
        unlink(program.string)
        _ = try watched.directory.testTarget(permissions: 0o755)
        chown(program.string, Self.user, Self.user)
        try await watched.observing { observations in
            let told = "its executable is setuid or setgid or has file capabilities"
            let obstacle = try await observations.first { $0.obstacle }
            #expect(obstacle == told)
            process.kill()
            _ = try await observations.dead()
            #expect(await watched.perform(.recover) == .failed(told, isPermanent: true))
        }
        // Nor is that environment on the disk, for a `start:` to be given it some day.
        let note = try #require(watched.memory.note(of: watched.target))
        let attachment = watched.memory.attachment(of: watched.target) ?? []
        #expect(!String(decoding: note + attachment, as: UTF8.self).contains("evil.so"))
    }

    @Test(.needsRoot) func `A start command of root's is not given another user's environment`() async throws {
        let directory = try TestProcessDirectory(owner: Self.user)
        let start = [try TestProcess.testTarget.string, "run", "--name", directory.path.string]
        let watched = try WatchedProcess(TargetSettings(start: start, user: 0), directory: directory)
        var options = watched.options
        options.environment = ["LD_PRELOAD=\(directory.file("evil.so"))"]
        let process = try await TestProcess.start(pidFile: watched.pidFile, [], options)
        try await watched.observing { _ = try await $0.alive() }
        try await process.end()
        // A runner that knows it from its notes only.
        let watcher = try watched.watcherAfterRestart()
        async let started = watcher.perform(.recover, on: watched.target) {}
        await watched.clock.sleep(lasting: .seconds(5))
        watched.clock.advance(by: .seconds(5))
        guard case .up(let identity, _) = await started else {
            Issue.record("not started: \(await started)")
            return
        }
        let facts = try ProcFS().facts(of: #require(identity.pid))
        #expect(facts.status.users == [0, 0, 0, 0])
        #expect(facts.environment?.contains { $0.bytes.starts(with: Array("LD_PRELOAD".utf8)) } == false)
        #expect(facts.directory == "/root")
        #expect(facts.output?.path == "/dev/null")
    }

    /// Wherever the link is: the file itself, or a directory on the way to it.
    @Test(.needsRoot, arguments: ["file", "directory", "hard link"])
    func `An output that leads to root's file is not written to`(kind: String) async throws {
        let watched = try WatchedProcess(owner: Self.user)
        let precious = try TestProcessDirectory()
        let victim = precious.file("output")
        try precious.write("precious", to: victim, permissions: 0o600)
        let logs = watched.directory.file("logs")
        mkdir(logs.string, 0o755)
        chown(logs.string, Self.user, Self.user)
        var options = watched.options
        let output = logs.appending("output")
        try watched.directory.write("", to: output, permissions: 0o600)
        chown(output.string, Self.user, Self.user)
        options.output = output
        let process = try await TestProcess.start(pidFile: watched.pidFile, [], options)
        try await watched.observing { observations in
            _ = try await observations.alive()
            switch kind {
            case "file":
                unlink(output.string)
                symlink(victim.string, output.string)
            case "hard link":
                unlink(output.string)
                link(victim.string, output.string)
            default:
                // The same file by another way: then the link alone speaks against it.
                rename(logs.string, watched.directory.file("moved").string)
                symlink(watched.directory.file("moved").string, logs.string)
            }
            process.kill()
            _ = try await observations.dead()
            guard case .up(let identity, let note) = await watched.perform(.recover) else {
                Issue.record("not started")
                return
            }
            #expect(note == "its output went to \(output), now to /dev/null")
            #expect(try ProcFS().facts(of: #require(identity.pid)).output?.path == "/dev/null")
            #expect(try readWholeFile(victim, limit: 100) == Array("precious".utf8))
        }
    }

    @Test(.needsRoot) func `A user's PID file that names root's process is not believed`() async throws {
        let watched = try WatchedProcess(owner: Self.user)
        let roots = try TestProcess.start("/bin/sleep", ["1000"])
        defer { roots.kill() }
        try watched.directory.write("\(roots.pid)\n", to: watched.pidFile)
        chown(watched.pidFile.string, Self.user, Self.user)
        try await watched.observing { observations in
            let told = try await observations.first { observation -> String? in
                guard case .undetermined(let reason) = observation.liveness else { return nil }
                return reason
            }
            for action in [TargetAction.stop, .restart, .recover] {
                #expect(await watched.perform(action) == .failed(told, isPermanent: false))
            }
            #expect(roots.handle.isAlive)
        }
    }

    @Test(.needsRoot) func `One that changes its ids while it is watched is not started with those it had`()
        async throws
    {
        let watched = try WatchedProcess(owner: Self.user)
        let process = try await TestProcess.start(
            pidFile: watched.pidFile, ["--effective-user-on-signal", "\(Self.user)"])
        try await watched.observing { observations in
            _ = try await observations.alive()
            process.kill(SIGUSR1)
            try await TestProcess.waitUntil(watched.directory.file("bot.pid.switched"), names: process.pid)
            watched.clock.advance(by: .seconds(30))
            let told = "its real, effective, saved and file system ids differ"
            let obstacle = try await observations.first { $0.obstacle }
            #expect(obstacle == told)
            process.kill()
            _ = try await observations.dead()
            #expect(await watched.perform(.recover) == .failed(told, isPermanent: true))
        }
    }

    @Test(.needsRoot) func `A PID file is not rewritten through a directory that has become a link`() async throws {
        let log = StreamedLog()
        let watched = try WatchedProcess(
            owner: Self.user, file: "run/bot.pid", logger: Logger(label: "test") { _ in log })
        let precious = try TestProcessDirectory()
        let run = watched.directory.file("run")
        mkdir(run.string, 0o755)
        chown(run.string, Self.user, Self.user)
        let process = try watched.startUnannounced(watched.options)
        try await watched.observing { observations in
            let first = try await observations.alive()
            process.kill()
            _ = try await observations.dead()
            unlink(watched.pidFile.string)
            rmdir(run.string)
            symlink(precious.path.string, run.string)
            _ = await watched.perform(.recover)
            _ = try await observations.alive(otherThan: first)
            watched.clock.advance(by: .seconds(5))
            #expect(await log.rewriteOutcome() == "PID file can't be rewritten")
            #expect((try? readWholeFile(precious.file("bot.pid"), limit: 100)) == nil)
        }
    }
}

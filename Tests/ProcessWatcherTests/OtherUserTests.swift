import Glibc
import Logging
import ProcessWatcher
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import Testing
import WatcherAPI

/// Root brings back what belongs to others, and gives it no more than it had.
@Suite(.timeLimit(.minutes(1)), .serialized)
struct OtherUserTests {
    private static let user: UInt32 = 12345

    @Test(.needsRoot) func `Another user's process comes back with all that it had, and nothing of root's`()
        async throws
    {
        let watched = try WatchedProcess(owner: Self.user)
        var options = watched.options
        options.umask = 0o27
        options.niceness = -3
        options.oomScoreAdjustment = 250
        options.environment = ["PATH=/usr/bin", "SECRET=a b=c"]
        let process = try await TestProcess.start(pidFile: watched.pidFile, ["--name", ""], options)
        let before = try ProcFS().facts(of: process.pid)
        let after = try await watched.relaunched(process)
        #expect(after.status.users == Array(repeating: Self.user, count: 4))
        #expect(after.status.groups == Array(repeating: Self.user, count: 4))
        #expect(after.status.supplementaryGroups == [7, 8])
        #expect(after.status.permittedCapabilities == 0)
        #expect(after.status.umask == 0o27)
        #expect(after.niceness == -3)
        #expect(after.oomScoreAdjustment == 250)
        #expect(after.arguments == before.arguments)
        #expect(after.environment == before.environment)
        #expect(after.directory == before.directory)
        #expect(after.limits == before.limits)
        #expect(after.output == before.output)
        #expect(after.output?.path.description == options.output?.string)
        #expect(try ProcFS().descriptorCount(of: after.stat.pid) == 3)
    }

    @Test(.needsRoot) func `A file that comes to name root's process is told as long as it does, and moves nothing`()
        async throws
    {
        let watched = try WatchedProcess(owner: Self.user)
        let process = try watched.startUnannounced(watched.options)
        let stranger = try TestProcess.start(TestProcess.testTarget, ["run"])
        defer { for one in [process, stranger] { one.kill() } }
        try await watched.observing { observations in
            let life = try await observations.alive()
            try watched.directory.write("\(stranger.pid)\n", to: watched.pidFile)
            // Between its old content and its new one the file is empty, which is another concern.
            let told = try await observations.first { [nil, "PID file is empty"].contains($0.concern) ? nil : $0 }
            #expect(told.liveness == .alive(life))
            #expect(
                told.concern == "PID file belongs to user \(Self.user), who may not name root's process \(stranger.pid)"
            )
            try watched.directory.write("\(process.pid)\n", to: watched.pidFile)
            #expect(try await observations.first { $0.concern == nil ? $0 : nil }.liveness == .alive(life))
            #expect(stranger.handle.isAlive)
        }
    }

    @Test(.needsRoot) func `A file that its user may no longer write to is not opened for it`() async throws {
        let watched = try WatchedProcess(owner: Self.user)
        let process = try await TestProcess.start(pidFile: watched.pidFile, [], watched.options)
        let output = try #require(watched.options.output)
        try await watched.observing { observations in
            _ = try await observations.alive()
            chown(output.string, 0, 0)
            chmod(output.string, 0o600)
            process.kill()
            _ = try await observations.dead()
            let outcome = await watched.perform(.recover)
            guard case .up(_, note: "its output went to \(output), now to /dev/null") = outcome else {
                Issue.record("\(outcome)")
                return
            }
        }
    }

    @Test(.needsRoot) func `An executable that its user may no longer execute is told, and nothing is stopped`()
        async throws
    {
        let watched = try WatchedProcess(owner: Self.user)
        let program = watched.directory.file("program")
        try watched.directory.copyExecutable(from: TestProcess.testTarget, to: program)
        let process = try TestProcess.start(program, ["run", "--pidfile", watched.pidFile.string], watched.options)
        try await TestProcess.waitUntil(watched.pidFile, names: process.pid)
        try await watched.observing { observations in
            _ = try await observations.alive()
            chmod(program.string, 0o700)
            let outcome = await watched.perform(.restart)
            let reason = "its executable \(program) can't be executed by user \(Self.user)"
            #expect(outcome == .failed(reason, isPermanent: true))
            #expect(process.handle.isAlive)
        }
    }

    @Test(.needsRoot) func `A PID file is written anew as its owner`() async throws {
        let watched = try WatchedProcess(owner: Self.user)
        let process = try watched.startUnannounced(watched.options)
        try await watched.observing { observations in
            let first = try await observations.alive()
            process.kill()
            _ = try await observations.dead()
            _ = await watched.perform(.recover)
            let second = try await observations.alive(otherThan: first)
            watched.clock.advance(by: .seconds(5))
            try await TestProcess.waitUntil(watched.pidFile, names: #require(second.pid))
            #expect(try FileStatus.of(watched.pidFile).owner == Self.user)
        }
    }

    @Test(.needsRoot) func `A start command runs as the user that it is configured for`() async throws {
        // One whose home directory is there.
        let account = try #require(Account.named("daemon"))
        let directory = try TestProcessDirectory(owner: account.user)
        let start = [try TestProcess.testTarget.string, "run", "--name", directory.path.string]
        let watched = try WatchedProcess(TargetSettings(start: start, user: account.user), directory: directory)
        async let started = watched.perform(.recover)
        await watched.clock.sleep(lasting: .seconds(5))
        watched.clock.advance(by: .seconds(5))
        guard case .up(let identity, _) = await started else {
            Issue.record("not started: \(await started)")
            return
        }
        let facts = try ProcFS().facts(of: #require(identity.pid))
        #expect(facts.status.users == Array(repeating: account.user, count: 4))
        #expect(facts.directory == ByteText(account.home))
        #expect(facts.status.groups == Array(repeating: account.group, count: 4))
        #expect(Set(facts.status.supplementaryGroups) == Set(account.ids.groups))
        #expect(facts.environment?.contains(ByteText("USER=\(account.name)")) == true)
        #expect(facts.environment?.contains(ByteText("HOME=\(account.home)")) == true)
        #expect(facts.environment?.contains { $0.bytes.starts(with: Array("PATH=".utf8)) } == true)
    }
}

extension WatchedProcess {
    /// What a process of that user can write to.
    convenience init(owner: UInt32, file: String = "bot.pid", logger: Logger = .silent) throws {
        try self.init(file: file, directory: TestProcessDirectory(owner: owner), logger: logger)
    }

    /// How to start a process of the directory's owner, which writes there.
    var options: TestProcess.Options {
        var options = TestProcess.Options()
        options.user = (try? FileStatus.of(directory.path))?.owner
        options.directory = directory.path
        let output = directory.file("output")
        // The starter would make it as root.
        try? directory.write("", to: output, permissions: 0o600)
        chown(output.string, options.user ?? 0, options.user ?? 0)
        options.output = output
        return options
    }

    /// Kills the target, has it started again, and gives what it has become.
    func relaunched(_ process: TestProcess) async throws -> ProcessFacts {
        try await observing { observations in
            let first = try await observations.alive()
            process.kill()
            _ = try await observations.dead()
            let outcome = await perform(.recover)
            let second = try await observations.alive(otherThan: first)
            #expect(outcome == .up(second, note: nil))
            return try ProcFS().facts(of: #require(second.pid))
        }
    }
}

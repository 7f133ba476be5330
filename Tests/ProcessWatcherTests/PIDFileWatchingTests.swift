import Glibc
import ProcessWatcher
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import Testing
import WatcherAPI

/// PID files in the states that they are found in, with real processes.
@Suite(.timeLimit(.minutes(1)))
struct PIDFileWatchingTests {
    // MARK: Files that appear, move and go

    @Test(arguments: ["run/bot.pid", "a/b/c/bot.pid"])
    func `A directory that is made later is watched, also when it is made anew`(file: String) async throws {
        let watched = try WatchedProcess(file: file)
        let directory = watched.pidFile.removingLastComponent()
        try await watched.observing { observations in
            #expect(try await observations.next().liveness == .missing("is not there: there is no PID file"))
            try makeDirectories(directory, below: watched.directory.path)
            let process = try await TestProcess.start(pidFile: watched.pidFile)
            let first = try await observations.alive()
            #expect(first.pid == process.pid)
            unlink(watched.pidFile.string)
            rmdir(directory.string)
            _ = try await observations.concern("gone")
            mkdir(directory.string, 0o755)
            try watched.directory.write("\(process.pid)\n", to: watched.pidFile)
            _ = try await observations.first { $0.concern == nil && $0.liveness == .alive(first) ? true : nil }
        }
    }

    @Test func `A working directory that is gone is told`() async throws {
        let watched = try WatchedProcess()
        var options = TestProcess.Options()
        options.directory = watched.directory.file("work")
        mkdir(watched.directory.file("work").string, 0o755)
        let process = try watched.startUnannounced(options)
        defer { process.kill() }
        rmdir(watched.directory.file("work").string)
        try await watched.observing { observations in
            guard case .alive = try await observations.concern("work is gone: without it") else {
                Issue.record("not alive")
                return
            }
        }
    }

    @Test func `A file that names a new process moves the target without a death`() async throws {
        let watched = try WatchedProcess()
        let old = try await TestProcess.start(pidFile: watched.pidFile)
        defer { old.kill() }
        try await watched.observing { observations in
            let first = try await observations.alive()
            let new = try await TestProcess.start(pidFile: watched.pidFile)
            var seen = try await observations.next()
            while seen.liveness == .alive(first) { seen = try await observations.next() }
            guard case .alive(let second) = seen.liveness else {
                Issue.record("seen instead of the new process: \(seen)")
                return
            }
            #expect(second.pid == new.pid)
            #expect(old.handle.isAlive)
        }
    }

    @Test func `A file that is put in place by a rename is seen`() async throws {
        let watched = try WatchedProcess()
        let process = try TestProcess.start(try TestProcess.testTarget, ["run", "--name", watched.pidFile.string])
        let temporary = watched.directory.file("temporary")
        try watched.directory.write("\(process.pid)\n", to: temporary)
        try await watched.observing { observations in
            _ = try await observations.next()
            rename(temporary.string, watched.pidFile.string)
            #expect(try await observations.alive().pid == process.pid)
        }
    }

    @Test func `Half a number is not believed until its writer has closed the file`() async throws {
        let watched = try WatchedProcess()
        let process = try TestProcess.start(try TestProcess.testTarget, ["run", "--name", watched.pidFile.string])
        let digits = Array("\(process.pid)".utf8)
        let descriptor = try OwnedDescriptor.open(
            watched.pidFile, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode: 0o644)
        try descriptor.writeAll(Array(digits.dropLast()))
        try watched.directory.keepFresh(watched.pidFile)
        try await watched.observing { observations in
            #expect(try await observations.next().liveness == .undetermined("PID file seems half-written"))
            try descriptor.writeAll(Array(digits.suffix(1)))
            try withExtendedLifetime(descriptor) {
                let again = try OwnedDescriptor.open(watched.pidFile, O_WRONLY | O_APPEND | O_CLOEXEC)
                withExtendedLifetime(again) {}
            }
            #expect(try await observations.alive().pid == process.pid)
        }
    }

    @Test func `A file that its writer keeps open is believed after a second`() async throws {
        let watched = try WatchedProcess()
        let process = try TestProcess.start(try TestProcess.testTarget, ["run", "--name", watched.pidFile.string])
        let descriptor = try OwnedDescriptor.open(
            watched.pidFile, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode: 0o644)
        try descriptor.writeAll(Array("\(process.pid)".utf8))
        try watched.directory.keepFresh(watched.pidFile)
        try await watched.observing { observations in
            let first = try await observations.next()
            #expect(first.liveness == .undetermined("PID file seems half-written"))
            await watched.clock.sleep(lasting: PIDFile.settleTime)
            watched.clock.advance(by: PIDFile.settleTime)
            #expect(try await observations.alive().pid == process.pid)
        }
        withExtendedLifetime(descriptor) {}
    }

    @Test func `What is restarted while its file is being written waits for that`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile)
        let life = try await watched.observing { try await $0.alive() }
        try watched.directory.write("\(process.pid)", to: watched.pidFile)
        try watched.directory.keepFresh(watched.pidFile)
        async let outcome = watched.perform(.restart)
        // The file has the time that any file has: for who observes, and for the restart.
        for _ in 1...2 { await watched.clock.sleep(lasting: PIDFile.settleTime) }
        #expect(process.handle.isAlive)
        watched.clock.advance(by: PIDFile.settleTime)
        guard case .up(let second, _) = await outcome else {
            Issue.record("not restarted")
            return
        }
        #expect(second != life)
    }

    @Test func `A life that ended and was replaced between two looks is told`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile)
        let first = try await watched.observing { try await $0.alive() }
        try await process.endAndBeCollected()
        let other = try await TestProcess.start(pidFile: watched.pidFile)
        // By the next runner, which has only the disk.
        let seen = try await observing(try watched.watcherAfterRestart(), watched.target) { try await $0.next() }
        guard case .alive(let second) = seen.liveness else {
            Issue.record("\(seen)")
            return
        }
        #expect(second.pid == other.pid)
        #expect(seen.former?.identity == first)
    }

    @Test func `A file truncated while its process lives is a concern and no death`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile)
        try await watched.observing { observations in
            let life = try await observations.alive()
            truncate(watched.pidFile.string, 0)
            #expect(try await observations.concern("empty") == .alive(life))
            try watched.directory.write("\(process.pid)\n", to: watched.pidFile)
            _ = try await observations.first { $0.concern == nil ? true : nil }
        }
    }

    // MARK: Files that are not believed

    @Test(arguments: [
        ("garbage\n", "no process id"), ("-5\n", "negative"), ("0\n", "holds 0"), ("1\n", "process 1"),
        ("99999999\n", "larger"), ("\n5\n", "empty line"),
    ])
    func `A file that names nobody is told, and nothing is done`(text: String, reason: String) async throws {
        let watched = try WatchedProcess()
        try watched.directory.write(text, to: watched.pidFile)
        try await expectUndetermined(watched, reason)
    }

    @Test func `A symbolic link is not followed`() async throws {
        let watched = try WatchedProcess()
        let real = watched.directory.file("real.pid")
        let process = try await TestProcess.start(pidFile: real)
        defer { process.kill() }
        symlink(real.string, watched.pidFile.string)
        try await expectUndetermined(watched, "symbolic link")
        #expect(process.handle.isAlive)
    }

    @Test func `A file that everybody can write is not believed`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile)
        defer { process.kill() }
        chmod(watched.pidFile.string, 0o666)
        try await expectUndetermined(watched, "written by everybody")
        #expect(process.handle.isAlive)
    }

    @Test(.needsRoot) func `A file of a user who owns neither is not believed`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile)
        defer { process.kill() }
        chown(watched.pidFile.string, 12345, 12345)
        try await expectUndetermined(watched, "belongs to user 12345")
        #expect(process.handle.isAlive)
    }

    @Test func `A pipe, a directory and the runner itself are told`() async throws {
        let watched = try WatchedProcess()
        mkfifo(watched.pidFile.string, 0o644)
        try await expectUndetermined(watched, "no regular file")
        unlink(watched.pidFile.string)
        mkdir(watched.pidFile.string, 0o755)
        try await expectUndetermined(watched, "no regular file")
        rmdir(watched.pidFile.string)
        try watched.directory.write("\(getpid())\n", to: watched.pidFile)
        try await expectUndetermined(watched, "is the runner")
    }

    @Test func `A thread that is no process is told`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.directory.file("other.pid"), ["--leader-exits"])
        defer { process.kill() }
        let threads = try ProcFS().threads(of: process.pid).filter { $0 != process.pid }
        let thread = try #require(threads.first)
        try watched.directory.write("\(thread)\n", to: watched.pidFile)
        try await expectUndetermined(watched, "names thread \(thread) of process \(process.pid)")
        #expect(process.handle.isAlive)
    }

    @Test func `A file older than its process is doubtful until it is written anew`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile)
        try watched.directory.age(watched.pidFile, by: .seconds(60))
        try await expectUndetermined(watched, "doubtful")
        #expect(process.handle.isAlive)
        try await watched.observing { observations in
            _ = try await observations.next()
            try watched.directory.write("\(process.pid)\n", to: watched.pidFile)
            #expect(try await observations.alive().pid == process.pid)
        }
    }

    @Test func `A file that names nobody who runs is a death that nobody saw`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile)
        try await process.end()
        try await watched.observing { observations in
            let seen = try await observations.next()
            #expect(seen.liveness == .dead(End(identity: nil, cause: .unknown)))
            #expect(seen.obstacle?.contains("never seen alive") == true)
            guard case .failed(_, isPermanent: true) = await watched.perform(.recover) else {
                Issue.record("something was started")
                return
            }
        }
    }

    // MARK: Processes

    @Test(.needsRoot) func `A PID used again by a stranger is a death, and the stranger is never signalled`()
        async throws
    {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile)
        try await watched.observing { observations in
            let first = try await observations.alive()
            try await process.endAndBeCollected()
            #expect(try await observations.dead().identity == first)
            let stranger = try startStranger(as: process.pid)
            defer { stranger.kill() }
            #expect(stranger.pid == process.pid)
            for action in [TargetAction.stop, .recover, .restart, .stop] {
                _ = await watched.perform(action)
                #expect(stranger.handle.isAlive, "after \(action)")
            }
        }
    }

    @Test(.needsRoot) func `A PID used again while nobody watched is a death, too`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile)
        let first = try await watched.observing { try await $0.alive() }
        try await process.endAndBeCollected()
        let stranger = try startStranger(as: process.pid)
        defer { stranger.kill() }
        let later = try watched.watcherAfterRestart()
        try await observing(later, watched.target) { observations in
            let end = try await observations.dead()
            #expect(end.identity == first)
        }
        #expect(await later.perform(.stop, on: watched.target, startMade: {}).foundEnded == first)
        #expect(stranger.handle.isAlive)
    }

    @Test func `A process whose first thread has ended is alive until the last one ends`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile, ["--leader-exits"])
        try await watched.observing { observations in
            let life = try await observations.alive()
            #expect(life.pid == process.pid)
            let stat = try ProcFS().stat(of: process.pid)
            #expect(stat.isZombie)
            process.kill()
            #expect(try await observations.dead().identity == life)
        }
    }

    // MARK: Helpers

    private func startStranger(as pid: Int32) throws -> TestProcess {
        var options = TestProcess.Options()
        options.pid = pid
        return try TestProcess.start("/bin/sleep", ["1000"], options)
    }

    private func expectUndetermined(_ watched: WatchedProcess, _ reason: String) async throws {
        try await watched.observing { observations in
            let seen = try await observations.next()
            guard case .undetermined(let told) = seen.liveness else {
                Issue.record("seen: \(seen)")
                return
            }
            #expect(told.contains(reason))
        }
        for action in TargetAction.allCases {
            let told = try #require(await watched.perform(action).temporaryFailure, "\(action) was carried out")
            #expect(told.contains(reason))
        }
    }

    private func makeDirectories(_ path: FilePath, below base: FilePath) throws {
        guard path != base else { return }
        try makeDirectories(path.removingLastComponent(), below: base)
        guard mkdir(path.string, 0o755) == 0 else { throw Errno(rawValue: errno) }
    }
}

extension ObservationReader {
    /// Waits for a concern with these words, and says what liveness came with it.
    func concern(_ words: String) async throws -> Observation.Liveness {
        try await first { $0.concern?.contains(words) == true ? $0.liveness : nil }
    }
}

extension Trait where Self == ConditionTrait {
    /// Skipped for other users; never in CI, which runs as root.
    static var needsRoot: Self {
        .enabled(if: geteuid() == 0 || getenv("CI") != nil, "needs root: another user's ids, a PID of one's choice")
    }
}

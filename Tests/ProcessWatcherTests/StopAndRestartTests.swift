import Glibc
import ProcessWatcher
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import Testing
import WatcherAPI

/// Signals, and what a runner does that is cut off in the middle.
@Suite(.timeLimit(.minutes(1)))
struct StopAndRestartTests {
    @Test func `What ignores SIGTERM is killed after ten seconds`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile, ["--ignore-term"])
        try await watched.observing { observations in
            _ = try await observations.alive()
            async let outcome = watched.perform(.stop)
            await watched.clock.sleep(lasting: .seconds(10))
            #expect(process.handle.isAlive)
            watched.clock.advance(by: .seconds(10))
            #expect(await outcome == .down)
            #expect(!process.handle.isAlive)
            // What we did ourselves is nobody's orderly stop.
            #expect(try await !observations.dead().isDeliberate)
        }
    }

    @Test func `A stop names the children that outlive it`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile, ["--child"])
        try await watched.observing { observations in
            _ = try await observations.alive()
            let child = try #require(ProcFS().table().first { $0.parent == process.pid })
            let handle = try ProcessHandle(pid: child.pid)
            defer { try? handle.send(SIGKILL) }
            async let outcome = watched.perform(.stop)
            await watched.clock.sleep(lasting: .seconds(1))
            watched.clock.advance(by: .seconds(1))
            #expect(await outcome == .downLeaving("process \(child.pid), which belonged to it, still runs"))
            #expect(handle.isAlive)
        }
    }

    @Test func `A restart that has sent its signal goes on to the start although it is cancelled`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile, ["--ignore-term"])
        try await watched.observing { observations in
            let first = try await observations.alive()
            let restart = Task { await watched.perform(.restart) }
            await watched.clock.sleep(lasting: .seconds(10))
            restart.cancel()
            #expect(watched.clock.hasSleeper(lasting: .seconds(10)), "the cancellation has reached the waiting")
            watched.clock.advance(by: .seconds(10))
            guard case .up(let second, _) = await restart.value else {
                Issue.record("left in the middle: \(await restart.value)")
                return
            }
            #expect(second != first)
            #expect(!process.handle.isAlive)
        }
    }

    @Test func `Actions need no observation`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile)
        guard case .up(let first, _) = await watched.perform(.recover) else {
            Issue.record("what lives is not seen")
            return
        }
        #expect(first.pid == process.pid)
        guard case .up(let second, _) = await watched.perform(.restart) else {
            Issue.record("not restarted")
            return
        }
        #expect(second.pid != process.pid)
        #expect(await watched.perform(.stop) == .down)
    }

    // MARK: The runner ends and begins again

    @Test func `A runner that was killed and started again sees the same life and harms nothing`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile)
        let first = try await watched.observing { try await $0.alive() }
        let saves = watched.memory.saveCount(of: watched.target)
        let later = try watched.watcherAfterRestart()
        let second = try await observing(later, watched.target) { try await $0.alive() }
        #expect(second == first)
        #expect(process.handle.isAlive)
        #expect(watched.memory.saveCount(of: watched.target) == saves, "an unchanged note was written again")
    }

    @Test func `A relaunched process is known to the next runner before it has written its PID file`() async throws {
        let watched = try WatchedProcess()
        let process = try TestProcess.start(try TestProcess.testTarget, ["run", "--name", watched.pidFile.string])
        try watched.directory.write("\(process.pid)\n", to: watched.pidFile)
        let second = try await watched.observing { observations in
            let first = try await observations.alive()
            process.kill()
            _ = try await observations.dead()
            _ = await watched.perform(.recover)
            return try await observations.alive(otherThan: first)
        }
        let later = try watched.watcherAfterRestart()
        let seen = try await observing(later, watched.target) { try await $0.next() }
        #expect(seen.liveness == .alive(second))
        #expect(seen.concern == nil)
        #expect(await later.perform(.recover, on: watched.target, startMade: {}) == .up(second, note: nil))
    }

    @Test func `What died while no runner was there is brought back by the next`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile)
        let first = try await watched.observing { try await $0.alive() }
        try await process.end()
        let later = try watched.watcherAfterRestart()
        try await observing(later, watched.target) { observations in
            let end = try await observations.dead()
            #expect(end.identity == first)
            guard case .up(let second, _) = await later.perform(.recover, on: watched.target, startMade: {}) else {
                Issue.record("not brought back")
                return
            }
            #expect(second != first)
        }
    }

    @Test(arguments: ["", "[]", "{\"version\":99}", "{\"version\":2,\"life\":7}", "\0\u{1}"])
    func `A note that can't be read is no reason to stop`(note: String) async throws {
        let watched = try WatchedProcess()
        watched.memory.setNote(Array(note.utf8), of: watched.target)
        let process = try await TestProcess.start(pidFile: watched.pidFile)
        let life = try await watched.observing { try await $0.alive() }
        #expect(life.pid == process.pid)
    }

    // MARK: start:

    @Test func `A start command that makes itself a daemon is up when the PID file names it`() async throws {
        let directory = try TestProcessDirectory()
        let watched = try WatchedProcess(
            TargetSettings(start: [
                try TestProcess.testTarget.string, "run", "--daemonize", "--pidfile", directory.file("bot.pid").string,
            ]), directory: directory)
        guard case .up(let identity, _) = await watched.perform(.recover) else {
            Issue.record("not started")
            return
        }
        try await TestProcess.waitUntil(watched.pidFile, names: #require(identity.pid))
        #expect(try watched.rememberedLife()?.identity == identity)
        let facts = try ProcFS().facts(of: #require(identity.pid))
        #expect(facts.environment?.contains { $0.description.hasPrefix("HOME=") } == true)
    }

    @Test func `A start command that fails tells its exit status`() async throws {
        let watched = try WatchedProcess(
            TargetSettings(start: [try TestProcess.testTarget.string, "run", "--exit", "3"]))
        let reason = try #require(await watched.perform(.recover).temporaryFailure, "up, and nothing runs")
        // A daemon that another test started meanwhile in the same way may be named too.
        #expect(reason.hasPrefix("start: ended with exit status 3"))
    }

    @Test func `A start command that ends well has a minute for its PID file`() async throws {
        let watched = try WatchedProcess(
            TargetSettings(start: [try TestProcess.testTarget.string, "run", "--exit", "0"]))
        async let outcome = watched.perform(.recover)
        await watched.clock.sleep(lasting: .seconds(5))
        let command = try #require(try watched.rememberedLife())
        if let handle = try? ProcessHandle(pid: command.pid) { try await handle.waitForEnd(on: EventLoop()) }
        watched.clock.advance(by: .seconds(5))
        await watched.clock.sleep(lasting: .seconds(55))
        watched.clock.advance(by: .seconds(55))
        let reason = try #require(await outcome.temporaryFailure, "up, and nothing runs")
        #expect(reason.contains("60"))
    }

    @Test func `What a start command has left behind is not started once more while it runs`() async throws {
        let directory = try TestProcessDirectory()
        let other = directory.file("another.pid")
        let watched = try WatchedProcess(
            TargetSettings(start: [
                try TestProcess.testTarget.string, "run", "--daemonize", "--pidfile", other.string,
            ]), directory: directory)
        async let outcome = watched.perform(.recover)
        await watched.clock.sleep(lasting: .seconds(5))
        let daemon = try await TestProcess.named(by: other)
        defer { daemon.kill() }
        if let command = try watched.rememberedLife(), let handle = try? ProcessHandle(pid: command.pid) {
            try await handle.waitForEnd(on: EventLoop())
        }
        watched.clock.advance(by: .seconds(60))
        let reason = try #require(await outcome.temporaryFailure, "up, and the PID file names nothing")
        #expect(reason.contains("which it started, runs: nothing is started while it does"), "\(reason)")
        let note = try #require(watched.memory.note(of: watched.target))
        #expect(try ProcessNote(decoding: note).children.map(\.pid).contains(daemon.pid))

        // Also by a runner that was started again, with nothing but its notes.
        let later = try watched.watcherAfterRestart()
        for watcher in [watched.watcher, later] {
            async let again = watcher.perform(.recover, on: watched.target, startMade: {})
            await watched.clock.sleep(lasting: .seconds(5))
            watched.clock.advance(by: .seconds(5))
            let reason = try #require(await again.hindrance, "a second copy was started")
            #expect(reason.contains("which belonged to it, still runs: two copies"), "\(reason)")
        }
    }

    @Test(arguments: ["no-such-program", "/no/such/program", ""])
    func `A start command that does not exist is told`(program: String) async throws {
        let watched = try WatchedProcess(TargetSettings(start: [program]))
        guard case .failed(let reason, _) = await watched.perform(.recover) else {
            Issue.record("something was started")
            return
        }
        #expect(reason.contains("start: names \(program)"))
    }
}

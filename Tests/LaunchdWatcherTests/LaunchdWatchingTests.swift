import Glibc
import LaunchdWatcher
import Supervision
import SystemPackage
import TestSupport
import Testing
import WatcherAPI

/// A service of a launchd that has its own mind, or none.
@Suite(.serialized, .timeLimit(.minutes(1))) struct LaunchdWatchingTests {
    /// Without the slow re-read: only the kernel can have told.
    @Test(arguments: [
        (SIGKILL, End.Cause.signal(9), false), (SIGTERM, .exit(code: 0), false), (SIGHUP, .signal(1), true),
    ]) func `An end is known when the kernel says so, and how it ended`(
        signal: Int32, cause: End.Cause, isDeliberate: Bool
    ) async throws {
        try await with(StandInLaunchd(every: .seconds(3600))) { launchd, observations in
            try await launchd.send(signal)
            let end = try await observations.dead()
            #expect(end.cause == cause)
            #expect(end.isDeliberate == isDeliberate)
        }
    }

    @Test func `How it ended is waited for when launchd is late, and nothing is told meanwhile`() async throws {
        try await with(StandInLaunchd(every: .seconds(3600))) { launchd, observations in
            try launchd.set("slow")
            try await launchd.send(SIGKILL)
            guard case .dead(let end) = try await observations.next().liveness else {
                Issue.record("something else was told first")
                return
            }
            #expect(end.cause == .signal(9))
        }
    }

    @Test func `What is kept alive is left to launchd, and followed`() async throws {
        try await with(StandInLaunchd(isKeptAlive: true)) { launchd, observations in
            let first = try await launchd.life(observations)
            try await launchd.send(SIGKILL)
            #expect(try await observations.next().liveness == .handledElsewhere("is being started by launchd"))
            let second = try await observations.alive(otherThan: first)
            #expect(await launchd.watcher.perform(.stop, on: launchd.id) {} == .down)
            let end = try await observations.dead()
            #expect(end.identity == second)
            #expect(end.isDeliberate, "taken out of launchd, it is not only dead")
            // From where it was.
            guard case .up(let third, _) = await launchd.watcher.perform(.recover, on: launchd.id, startMade: {}) else {
                Issue.record("not started")
                return
            }
            #expect(try await observations.alive(otherThan: second) == third)
        }
    }

    @Test(arguments: [
        ("refuse", "can't be judged: launchctl print failed with 1: no launchd today"),
        ("hang", "can't be judged: launchctl does not answer"),
    ]) func `Unknown is not down, and what happened meanwhile is seen after it`(how: String, words: String) async throws
    {
        try await with(StandInLaunchd()) { launchd, observations in
            let life = try await launchd.life(observations)
            try launchd.set(how, "no launchd today")
            #expect(try await observations.next().liveness == .undetermined(words))
            // It dies while nobody can be asked.
            let handle = try await TestProcess.named(by: launchd.directory.file("pid"))
            handle.kill()
            launchd.unset(how)
            let end = try await observations.dead()
            #expect(end.identity == life)
            #expect(end.cause == .signal(9))
        }
    }

    @Test func `What ignores the signal is killed`() async throws {
        try await with(StandInLaunchd(arguments: ["--ignore-term"])) { launchd, observations in
            #expect(await launchd.watcher.perform(.stop, on: launchd.id) {} == .down)
            let end = try await observations.dead()
            #expect(end.cause == .signal(9))
        }
    }

    @Test(arguments: [
        (StandInLaunchd.label, 0 as UInt32), ("system/com.example.bot", 501), ("user/501/com.example.bot", 0),
    ]) func `Every domain is one`(name: String, user: UInt32) async throws {
        try await with(StandInLaunchd(name: name, user: user)) { launchd, observations in
            try await launchd.crash()
            _ = try await observations.dead()
            guard case .up = await launchd.watcher.perform(.recover, on: launchd.id, startMade: {}) else {
                Issue.record("not started")
                return
            }
        }
    }

    @Test func `What was disabled and taken out is deliberate, and known to another runner`() async throws {
        try await with(StandInLaunchd()) { launchd, observations in
            try launchd.set("disabled", "\(StandInLaunchd.label)\n")
            try await launchd.bootout()
            let end = try await observations.dead()
            #expect(end.isDeliberate)
            #expect(end.detail == "it was disabled")
            #expect(
                launchd.memory.note(of: launchd.id).map { String(decoding: $0, as: UTF8.self) } == launchd.file.string)
        }
    }

    /// Runs `body` with a service that was seen alive.
    private func with(
        _ launchd: StandInLaunchd, _ body: (StandInLaunchd, ObservationReader) async throws -> Void
    ) async throws {
        try await launchd.start()
        do {
            try await observing(launchd.watcher, launchd.id) { observations in
                _ = try await observations.alive()
                try await body(launchd, observations)
            }
        } catch {
            try await launchd.remove()
            throw error
        }
        try await launchd.remove()
    }
}

extension StandInLaunchd {
    /// The life that runs now, as another observation would see it.
    fileprivate func life(_ observations: ObservationReader) async throws -> Identity {
        guard case .up(let life, _) = await watcher.perform(.recover, on: id, startMade: {}) else {
            throw ConformanceFailure("it does not run")
        }
        return life
    }
}

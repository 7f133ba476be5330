import Glibc
import NIOConcurrencyHelpers
import ProcessWatcher
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import Testing
import WatcherAPI

// One after the other: each starts hundreds of processes.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct ProcessWatcherConformanceTests {
    @Test(arguments: WatcherConformance.checks)
    func `The process watcher keeps the contract`(check: WatcherConformance.Check) async throws {
        try await check.run(on: ConformanceProcess())
    }

    @Test func `Of 200 deaths in a row none is missed and nothing is left behind`() async throws {
        try await WatcherConformance.deaths(200, of: ConformanceProcess())
    }

    @Test(arguments: WatcherConformance.checks)
    func `Found by its command line, a process is watched in the same way`(check: WatcherConformance.Check) async throws
    {
        try await check.run(on: ConformanceMatch())
    }

    @Test func `Of 200 deaths in a row of what is found by its command line none is missed`() async throws {
        try await WatcherConformance.deaths(200, of: ConformanceMatch())
    }
}

/// A process that writes a PID file, as the suite wants it.
private struct ConformanceProcess: WatcherConformanceTarget {
    private let watched: WatchedProcess

    init() throws {
        watched = try WatchedProcess()
    }

    var id: TargetID { watched.target }
    var watcher: any Watcher & TargetController { watched.watcher }

    func start() async throws {
        _ = try await TestProcess.start(pidFile: watched.pidFile, ["--clean"])
    }

    func crash() async throws {
        try await send(SIGKILL)
    }

    func stopInOrder() async throws {
        try await send(SIGTERM)
    }

    func remove() async throws {
        // It may be dead already.
        if let pid = try watched.rememberedLife()?.pid { try? ProcessHandle(pid: pid).send(SIGKILL) }
        unlink(watched.pidFile.string)
    }

    /// Signals who runs now, as the watcher wrote it down, once it has written its PID file and so is ready.
    private func send(_ signal: Int32) async throws {
        guard let pid = try watched.rememberedLife()?.pid else { return }
        try await TestProcess.waitUntil(watched.pidFile, names: pid)
        try ProcessHandle(pid: pid).send(signal)
    }
}

/// A process that is found by its command line, as the suite wants it. Its PID file is for the suite alone.
private struct ConformanceMatch: WatcherConformanceTarget {
    private let watched: WatchedMatch
    private var pidFile: FilePath { watched.directory.file("for the suite") }

    init() throws {
        watched = try WatchedMatch()
    }

    var id: TargetID { watched.target }
    var watcher: any Watcher & TargetController { watched.watcher }

    func start() async throws {
        _ = try await TestProcess.start(pidFile: pidFile, ["--clean"])
    }

    func crash() async throws {
        try await send(SIGKILL)
    }

    func stopInOrder() async throws {
        try await send(SIGTERM)
    }

    func remove() async throws {
        watched.endAll()
    }

    private func send(_ signal: Int32) async throws {
        guard let pid = try watched.rememberedLife()?.pid else { return }
        try await TestProcess.waitUntil(pidFile, names: pid)
        try ProcessHandle(pid: pid).send(signal)
    }
}

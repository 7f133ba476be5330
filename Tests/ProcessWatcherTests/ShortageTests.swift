import NIOConcurrencyHelpers
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import Testing

@testable import ProcessWatcher

/// A runner without a free descriptor sees nothing for a while: that says nothing of its targets.
@Suite(.timeLimit(.minutes(1))) struct ShortageTests {
    @Test func `A start for which something was lacking is no failed try, and is made once it is there`() async throws {
        let processes = ShortProcesses()
        let watched = try WatchedProcess(processes: processes)
        let process = try await TestProcess.start(pidFile: watched.pidFile)
        try await watched.observing { observations in
            let first = try await observations.alive()
            process.kill()
            _ = try await observations.dead()
            processes.shortage = .tooManyOpenFiles
            #expect(await watched.perform(.recover).hindrance == "the runner has no file descriptor left")
            processes.shortage = nil
            guard case .up(let second, _) = await watched.perform(.recover) else {
                Issue.record("it was not started")
                return
            }
            #expect(second != first)
        }
    }

    @Test func `What can't be seen for a shortage is looked at again soon`() async throws {
        let processes = ShortProcesses()
        let watched = try WatchedProcess(processes: processes)
        let process = try await TestProcess.start(pidFile: watched.pidFile)
        processes.shortage = .tooManyOpenFiles
        try await watched.observing { observations in
            let blind = try await observations.next()
            #expect(blind.undetermined != nil)
            processes.shortage = nil
            await watched.clock.sleep(lasting: .seconds(2))
            watched.clock.advance(by: .seconds(2))
            let seen = try await observations.alive()
            #expect(seen.pid == process.pid)
        }
        try await process.end()
    }

    @Test func `A remembered life that can't be held for a shortage has not ended`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile)
        let before = try await watched.observing { try await $0.alive() }
        let processes = ShortProcesses()
        let watcher = try watched.watcherAfterRestart(processes: processes)
        processes.shortage = .tooManyOpenFilesInSystem
        try await observing(watcher, watched.target) { observations in
            let blind = try await observations.next()
            #expect(blind.undetermined != nil)
            processes.shortage = nil
            await watched.clock.sleep(lasting: .seconds(2))
            watched.clock.advance(by: .seconds(2))
            guard case .alive(before) = try await observations.next().liveness else {
                Issue.record("it is not what it was")
                return
            }
        }
        try await process.end()
    }

    @Test(arguments: [Errno.noMemory, .resourceTemporarilyUnavailable, .tooManyOpenFiles])
    func `A program that could not become another one for a shortage is tried again`(shortage: Errno) {
        let path: ByteText = "/bin/true"
        let plan = LaunchPlan(
            executable: path, arguments: [path], environment: [], directory: "/", umask: 0, limits: [])
        #expect(LaunchFailure(LaunchError(step: .exec, errno: shortage), plan).isHindrance)
        #expect(!LaunchFailure(LaunchError(step: .exec, errno: .permissionDenied), plan).isHindrance)
    }

    @Test(arguments: [PIDFile.unreadable(.tooManyOpenFiles), .unreadable(.ioError)])
    func `A file that could not be read is read again although nobody has touched it`(file: PIDFile) {
        #expect(!file.isConclusive)
        #expect(PIDFile.missing.isConclusive)
    }
}

/// Can't see anything while something is lacking.
private final class ShortProcesses: ForwardingProcesses {
    private let state = NIOLockedValueBox<Errno?>(nil)

    var shortage: Errno? {
        get { state.withLockedValue { $0 } }
        set { state.withLockedValue { $0 = newValue } }
    }

    private func check() throws(Errno) {
        if let shortage { throw shortage }
    }

    func processIDs() throws(Errno) -> [Int32] {
        try check()
        return try ProcFS().processIDs()
    }

    func stat(of pid: Int32) throws(Errno) -> ProcessStat {
        try check()
        return try ProcFS().stat(of: pid)
    }

    func status(of pid: Int32) throws(Errno) -> ProcessStatus {
        try check()
        return try ProcFS().status(of: pid)
    }

    func facts(of pid: Int32) throws(Errno) -> ProcessFacts {
        try check()
        return try ProcFS().facts(of: pid)
    }

    func table() throws(Errno) -> [ProcessStat] {
        try check()
        return try ProcFS().table()
    }
}

extension Observation {
    fileprivate var undetermined: String? {
        if case .undetermined(let reason) = liveness { reason } else { nil }
    }
}

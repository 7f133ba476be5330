import Glibc
import ProcessWatcher
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import Testing
import WatcherAPI

@Suite(.timeLimit(.minutes(1)))
struct ProcessLifeTests {
    @Test func `A death is seen through the pidfd and the process is brought back from its recipe`() async throws {
        let watched = try WatchedProcess()
        let process = try await TestProcess.start(pidFile: watched.pidFile, ["--name", "first"])
        try await observing(watched.watcher, watched.target) { observations in
            let first = try await observations.alive()
            #expect(first.pid == process.pid)
            process.kill()
            let end = try await observations.dead()
            #expect(end.identity == first)
            let outcome = await watched.watcher.perform(.recover, on: watched.target, startMade: {})
            let second = try await observations.alive(otherThan: first)
            #expect(outcome == .up(second, note: nil))
            #expect(try readWholeFile(FilePath("/proc/\(try #require(second.pid))/cmdline"), limit: 1000).count > 0)
            #expect(await watched.watcher.perform(.stop, on: watched.target, startMade: {}) == .down)
            _ = try await observations.dead()
        }
    }

    @Test func `Memory is that of the process, read again, and not of a dead one`() async throws {
        let watched = try WatchedProcess()
        let grown = watched.directory.file("grown")
        let process = try await TestProcess.start(pidFile: watched.pidFile, ["--grow", grown.string])
        try await observing(watched.watcher, watched.target) { observations in
            let memory = try await #require(observations.next().memoryMB)
            // What statm says by another way: pages, the second of its numbers (proc_pid_statm(5)).
            let statm = try readWholeFile(FilePath("/proc/\(process.pid)/statm"), limit: 1000)
            let pages = try #require(Double(String(decoding: statm, as: UTF8.self).split(separator: " ")[1]))
            let expected = pages * Double(sysconf(Int32(_SC_PAGESIZE))) / 1_048_576
            #expect(abs(memory - expected) < expected / 4 + 1)
            // It maps 64 MiB more, and touches them.
            process.kill(SIGUSR2)
            try await TestProcess.waitUntil(grown, names: process.pid)
            // Until it is read again, a moment after it was found.
            await watched.clock.sleep(lasting: .seconds(2))
            watched.clock.advance(by: .seconds(2))
            _ = try await observations.first { ($0.memoryMB ?? 0) > memory + 60 ? true : nil }
            process.kill()
            #expect(try await observations.first { if case .dead = $0.liveness { $0 } else { nil } }.memoryMB == nil)
        }
    }
}

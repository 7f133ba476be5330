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
}

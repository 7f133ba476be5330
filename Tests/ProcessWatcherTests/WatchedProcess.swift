import Glibc
import Logging
import ProcessWatcher
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import WatcherAPI

/// A PID-file target in a directory of its own, and the watcher for it.
final class WatchedProcess: Sendable {
    let directory: TestProcessDirectory
    let pidFile: FilePath
    let target: TargetID
    let memory = MemoryWatcherMemory()
    let clock = TestClock()
    let watcher: ProcessWatcher
    let settings: TargetSettings

    init(
        _ settings: TargetSettings = TargetSettings(), file: String = "bot.pid",
        processes: any ProcessReading = ProcFS()
    ) throws {
        directory = try TestProcessDirectory()
        pidFile = directory.path.pushing(FilePath(file))
        target = TargetID(kind: .process, name: pidFile.string)
        self.settings = settings
        watcher = try ProcessWatcher(
            WatcherContext(targets: [target: settings], memory: memory, logger: .silent), clock: clock,
            processes: processes)
    }

    deinit {
        // Whoever is the target by now.
        if let pid = try? rememberedPID() { try? ProcessHandle(pid: pid).send(SIGKILL) }
    }

    /// Observes the target while `body` runs.
    func observing<Result>(_ body: (ObservationReader) async throws -> Result) async throws -> Result {
        try await TestSupport.observing(watcher, target, body)
    }

    func perform(_ action: TargetAction) async -> TargetActionOutcome {
        await watcher.perform(action, on: target)
    }

    /// The PID of the life that stands in the note on the disk.
    func rememberedPID() throws -> Int32? {
        try memory.note(of: target).flatMap { try ProcessNote(decoding: $0).life?.pid }
    }

    /// A watcher of a runner that was started again: it knows what is on the disk and nothing else.
    func watcherAfterRestart() throws -> ProcessWatcher {
        try ProcessWatcher(
            WatcherContext(targets: [target: settings], memory: memory, logger: .silent), clock: clock)
    }
}

extension Logger {
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

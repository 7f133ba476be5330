import Logging
import ProcessWatcher
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import WatcherAPI

/// A PID-file target in a directory of its own, and the watcher for it.
struct WatchedProcess {
    let directory: TestProcessDirectory
    let pidFile: FilePath
    let target: TargetID
    let memory = MemoryWatcherMemory()
    let clock = TestClock()
    let watcher: ProcessWatcher
    private let settings: TargetSettings

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

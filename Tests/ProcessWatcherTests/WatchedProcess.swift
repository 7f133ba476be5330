import Glibc
import Logging
import ProcessWatcher
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import WatcherAPI

/// A PID-file target in a directory of its own, and the watcher for it.
final class WatchedProcess: WatchedFixture {
    let directory: TestProcessDirectory
    let pidFile: FilePath
    let target: TargetID
    let memory = MemoryWatcherMemory()
    let clock = TestClock()
    let watcher: ProcessWatcher
    let settings: TargetSettings

    init(
        _ settings: TargetSettings = TargetSettings(), file: String = "bot.pid",
        directory: TestProcessDirectory? = nil, processes: any ProcessReading = ProcFS(), logger: Logger = .silent
    ) throws {
        let directory = try directory ?? TestProcessDirectory()
        self.directory = directory
        pidFile = directory.path.pushing(FilePath(file))
        target = TargetID(kind: .process, name: pidFile.string)
        self.settings = settings
        watcher = try ProcessWatcher(
            WatcherContext(targets: [target: settings], memory: memory, logger: logger), clock: clock,
            processes: processes)
    }

    /// Starts a program that does not write its PID file, and writes it in its place, as its user.
    func startUnannounced(
        _ options: TestProcess.Options = TestProcess.Options(), permissions: UInt32 = 0o644
    ) throws -> TestProcess {
        let process = try TestProcess.start(TestProcess.testTarget, ["run", "--name", pidFile.string], options)
        try directory.write("\(process.pid)\n", to: pidFile, permissions: permissions)
        if let user = options.user { chown(pidFile.string, user, user) }
        return process
    }

    deinit {
        // Whoever is the target by now, and nobody who has its PID since.
        guard let life = try? rememberedLife(), let handle = try? ProcessHandle(pid: life.pid),
            (try? ProcFS().stat(of: life.pid))?.startTicks == life.startTicks
        else { return }
        try? handle.send(SIGKILL)
    }

    /// A watcher of a runner that was started again: it knows what is on the disk and nothing else.
    func watcherAfterRestart(processes: any ProcessReading = ProcFS()) throws -> ProcessWatcher {
        try ProcessWatcher(
            WatcherContext(targets: [target: settings], memory: memory, logger: .silent), clock: clock,
            processes: processes)
    }
}

/// Gives each message to a stream.
struct StreamedLog: LogHandler {
    let messages: AsyncStream<String>
    private let continuation: AsyncStream<String>.Continuation
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    init() {
        (messages, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1000))
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        continuation.yield("\(event.message)")
    }

    /// Waits for what has become of the PID file of a process that was started again.
    func rewriteOutcome() async -> String? {
        let outcomes = ["PID file rewritten", "PID file can't be rewritten", "PID file is left alone"]
        return await messages.first { message in outcomes.contains { message.hasPrefix($0) } }
    }
}

extension Logger {
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

import Logging
import Supervision
import SystemPackage
import SystemSupport
import WatcherAPI

/// What all process targets share.
struct ProcessHost: Sendable {
    let processes: any ProcessReading
    let families: ProcessFamilies
    let launcher: ProcessLauncher
    let clock: WatchClock
    let timer: SharedTimer
    let executor: QueueExecutor
    let loop: EventLoop
    /// Nil when the system gives no inotify instance: then only the slow re-read sees changes of files.
    let events: DirectoryEvents?
    let claimed: ClaimedProcesses
    let bootID: BootID
    let runner: RunnerFacts
    /// The runner and the processes that it came from: never a target.
    let ourselves: Set<Int32>
    let openFileLimit: OpenFileLimit?
    let memory: any WatcherMemory
    let logger: Logger

    /// Opens what is shared and reads what does not change.
    ///
    /// - Throws: when /proc can't be read: then nothing could be watched.
    init(
        processes: any ProcessReading, clock: WatchClock, openFileLimit: OpenFileLimit?, launcher: ProcessLauncher,
        context: WatcherContext
    ) throws(Errno) {
        self.processes = processes
        self.clock = clock
        self.openFileLimit = openFileLimit
        memory = context.memory
        logger = context.logger
        families = ProcessFamilies(processes: processes)
        self.launcher = launcher
        timer = SharedTimer(clock: clock)
        executor = QueueExecutor(label: "process-watcher")
        loop = try EventLoop()
        claimed = ClaimedProcesses(loop: loop)
        bootID = try BootID.current()
        let own = try processes.facts(of: ProcessHandle.ownPID)
        runner = launcher.runnerFacts(own, processes)
        ourselves = Self.ancestors(of: own.stat, processes)
        do {
            events = try DirectoryEvents(on: loop)
        } catch {
            events = nil
            context.logger.info("No inotify instance, files are re-read slowly", metadata: ["error": "\(error)"])
        }
    }

    private static func ancestors(of process: ProcessStat, _ processes: any ProcessReading) -> Set<Int32> {
        var found: Set<Int32> = [process.pid]
        var parent = process.parent
        while parent > 1, found.insert(parent).inserted, let stat = try? processes.stat(of: parent) {
            parent = stat.parent
        }
        return found
    }
}

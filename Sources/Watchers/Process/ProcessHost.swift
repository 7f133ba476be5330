import Logging
import Supervision
import SystemPackage
import SystemSupport
import WatcherAPI

/// What all process targets share.
final class ProcessHost: Sendable {
    let processes: any ProcessReading
    let families: ProcessFamilies
    let launcher: ProcessLauncher
    let clock: WatchClock
    let timer: SharedTimer
    /// Also runs the targets: what reads /proc may block, and holds up only them.
    let loop: EventLoop
    /// For tasks that talk to the targets.
    let tasks: EventLoop.Tasks
    /// Nil when the system gives no inotify instance: then only the slow re-read sees changes of files.
    let events: DirectoryEvents?
    let claimed: ClaimedProcesses
    let scanner: CommandLineScanner
    let bootID: BootID
    let runner: RunnerFacts
    /// The runner and the processes that it came from: never a target.
    let ourselves: Set<Int32>
    /// The runner's program: whatever else runs it, perhaps with a target's name among its arguments, is no target.
    let ownExecutable: ByteText?
    let openFileLimit: OpenFileLimit?
    let memory: any WatcherMemory
    let logger: Logger

    /// Opens what is shared and reads what does not change.
    ///
    /// - Throws: when /proc can't be read: then nothing could be watched.
    init(
        processes: any ProcessReading, clock: WatchClock, openFileLimit: OpenFileLimit?, launcher: ProcessLauncher,
        loop: EventLoop, context: WatcherContext
    ) throws(Errno) {
        self.processes = processes
        self.clock = clock
        self.openFileLimit = openFileLimit
        memory = context.memory
        logger = context.logger
        families = ProcessFamilies(processes: processes, clock: clock)
        self.launcher = launcher
        timer = SharedTimer(clock: clock)
        self.loop = loop
        tasks = EventLoop.Tasks(on: loop)
        claimed = ClaimedProcesses(loop: loop)
        bootID = try BootID.current()
        let own = try processes.facts(of: ProcessHandle.ownPID)
        runner = launcher.runnerFacts(own, processes)
        ownExecutable = own.executable?.withoutDeletedMark
        let isScanning = context.targets.keys.contains { ProcessName($0.name).isMatch }
        scanner = CommandLineScanner(processes: processes, timer: timer, loop: isScanning ? try EventLoop() : loop)
        ourselves = Self.ancestors(of: own.stat, processes)
        do {
            events = try DirectoryEvents(on: loop) { [logger] in
                logger.warning(
                    "No more inotify watches, some PID files are re-read every 30 s only: raise fs.inotify.max_user_watches"
                )
            }
        } catch {
            events = nil
            logger.warning(
                "No inotify instance, PID files are re-read every 30 s only: raise fs.inotify.max_user_instances",
                metadata: ["error": "\(error)"])
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

    // MARK: Lives

    /// A handle on exactly this life; nil when it has ended.
    ///
    /// - Throws: when that can't be told, for a shortage.
    func hold(_ identity: ProcessIdentity) throws(Errno) -> ProcessHandle? {
        if let child = claimed.child(identity) { return child.isAlive ? child : nil }
        do throws(Errno) {
            let handle = try ProcessHandle(pid: identity.pid)
            let stat = try processes.stat(of: identity.pid)
            // It still lives: so what was read in between was of this process.
            return stat.startTicks == identity.startTicks && handle.isAlive ? handle : nil
        } catch {
            guard !error.isShortage else { throw error }
            return nil
        }
    }

    /// Whether a process lives that /proc does not show (proc(5), mount option hidepid).
    func isHidden(_ pid: Int32) -> Bool {
        guard let handle = try? ProcessHandle(pid: pid), (try? processes.stat(of: pid)) == nil else { return false }
        return handle.isAlive
    }
}

extension ProcessName {
    fileprivate var isMatch: Bool {
        switch self {
        case .match: true
        case .pidFile: false
        }
    }
}

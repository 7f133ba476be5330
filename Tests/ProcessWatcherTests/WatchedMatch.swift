import Glibc
import ProcessWatcher
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import WatcherAPI

/// A target that is found by a text which nothing else on this machine has in its command line, and the watcher for it.
///
/// It goes by the machine's clock: how old a process is counts.
final class WatchedMatch: WatchedFixture {
    let directory: TestProcessDirectory
    let text: String
    let target: TargetID
    let memory = MemoryWatcherMemory()
    let watcher: ProcessWatcher
    let settings: TargetSettings

    init(_ settings: TargetSettings = TargetSettings()) throws {
        directory = try TestProcessDirectory()
        text = directory.path.lastComponent?.string ?? "clevagent-test"
        target = TargetID(kind: .process, name: "match:\(text)")
        self.settings = settings
        watcher = try ProcessWatcher(WatcherContext(targets: [target: settings], memory: memory, logger: .silent))
    }

    deinit { endAll() }

    /// Ends all that has the text, whoever started it; this process has not.
    func endAll() {
        for pid in (try? ProcFS().processIDs()) ?? [] {
            guard let handle = try? ProcessHandle(pid: pid), let line = try? ProcFS().commandLine(of: pid),
                CommandLineText(line).contains(ByteText(text))
            else { continue }
            try? handle.send(SIGKILL)
        }
    }

    /// Starts `tail` as an orphan with the text among its arguments.
    func startProcess(user: UInt32? = nil, more: [String] = []) throws -> TestProcess {
        var options = TestProcess.Options()
        options.user = user
        return try TestProcess.start("/usr/bin/tail", ["-f", "/dev/null"] + more + [text], options)
    }

    /// A watcher of a runner that was started again: it knows what is on the disk and nothing else.
    func watcherAfterRestart(
        _ settings: TargetSettings? = nil, processes: any ProcessReading = ProcFS()
    ) throws -> ProcessWatcher {
        try ProcessWatcher(
            WatcherContext(targets: [target: settings ?? self.settings], memory: memory, logger: .silent),
            clock: BootClock(), processes: processes)
    }
}

import DockerWatcher
import FoundationEssentials
import Glibc
import Logging
import Supervision
import SystemPackage
import SystemSupport
import TestSupport
import WatcherAPI

/// A program in Docker's place: a shell script that the test writes. `$dir` is a directory of its own, and `hang` does
/// nothing for as long as the test's process lives.
struct StandInDocker {
    let directory: TestProcessDirectory
    let watcher: DockerWatcher
    let target = TargetID(kind: .docker, name: "bot")

    /// - Parameters:
    ///   - events: what it does for a stream of events.
    ///   - inspect: what it does when it is asked.
    ///   - act: what it does to start, restart and stop.
    ///   - backlog: what it does when it is asked for events that are over.
    init(events: String, inspect: String, act: String = "exit 0", backlog: String = "exit 0") throws {
        directory = try TestProcessDirectory()
        let program = directory.file("docker").string
        let script = """
            #!/bin/sh
            dir=\(directory.path)
            test=$PPID
            hang() { while [ -d /proc/$test ]; do sleep 1; done; exit 1; }
            echo "$*" >>$dir/calls
            case $* in
            *--until*) \(backlog) ;;
            events*) \(events) ;;
            inspect*) \(inspect) ;;
            *) \(act) ;;
            esac

            """
        try Data(script.utf8).write(to: URL(filePath: program))
        chmod(program, 0o755)
        let context = WatcherContext(
            targets: [target: TargetSettings()], memory: MemoryWatcherMemory(), logger: Logger(label: "test"))
        watcher = DockerWatcher(
            context, program: program, environment: ["PATH": "/usr/bin:/bin", "SECRET": "x"], loop: try EventLoop())
    }

    /// What it was called with, a line each.
    var calls: [String] {
        let text = (try? String(contentsOfFile: directory.file("calls").string, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    /// Adds a line to the file that a stream of events follows.
    func say(_ line: String) throws {
        let file = try FileDescriptor.open(directory.file("stream"), .writeOnly, options: .append)
        try file.closeAfter { _ = try file.writeAll((line + "\n").utf8) }
    }

    /// A file that the script prints.
    func write(_ text: String, to name: String) throws {
        // Replaced as a whole: it may be read just now.
        try Data(text.utf8).write(to: URL(filePath: directory.file(name).string), options: .atomic)
    }
}

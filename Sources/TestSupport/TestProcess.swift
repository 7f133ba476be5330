import Dispatch
import Glibc
package import SystemPackage
package import SystemSupport

/// A real process for a watcher to watch: it has no parent of ours, so its end is nobody's to collect but init's.
package struct TestProcess: Sendable {
    /// How a process is started.
    package struct Options: Sendable {
        /// Exactly this PID; it must be free.
        package var pid: Int32?
        /// It then has the groups 7 and 8, too.
        package var user: UInt32?
        package var niceness: Int32?
        package var oomScoreAdjustment: Int32?
        /// New namespaces, of: pid, mnt, net, uts, ipc.
        package var newNamespaces: [String] = []
        /// The directory of a cgroup.
        package var cgroup: FilePath?
        package var directory: FilePath?
        package var umask: UInt32?
        package var output: FilePath?
        package var environment: [String] = ["PATH=/usr/bin:/bin"]

        package init() {}
    }

    package let handle: ProcessHandle

    package init(handle: ProcessHandle) {
        self.handle = handle
    }

    package var pid: Int32 { handle.pid }

    /// Starts a program as a process whose parent is gone. Returns after its exec.
    package static func start(
        _ program: FilePath, _ arguments: [String], _ options: Options = Options()
    ) throws -> TestProcess {
        var command = ["orphan"]
        if let pid = options.pid { command += ["--at", "\(pid)"] }
        if let user = options.user { command += ["--user", "\(user)"] }
        if let niceness = options.niceness { command += ["--nice", "\(niceness)"] }
        if let adjustment = options.oomScoreAdjustment { command += ["--oom", "\(adjustment)"] }
        if !options.newNamespaces.isEmpty { command += ["--unshare", options.newNamespaces.joined(separator: ",")] }
        if let cgroup = options.cgroup { command += ["--cgroup", cgroup.string] }
        if let directory = options.directory { command += ["--cwd", directory.string] }
        if let umask = options.umask { command += ["--umask", String(umask, radix: 8)] }
        if let output = options.output { command += ["--output", output.string] }
        command += ["--", program.string] + arguments
        let answer = try output(of: testTarget, command, environment: options.environment)
        guard let pid = Int32(answer.split(separator: "\n").first ?? "") else {
            throw TestProcessError(description: "\(program) \(arguments) did not start: \(answer)")
        }
        return TestProcess(handle: try ProcessHandle(pid: pid))
    }

    /// Starts `test-target run` with a PID file. Returns after the file was written.
    package static func start(
        pidFile: FilePath, _ arguments: [String] = [], _ options: Options = Options()
    ) async throws -> TestProcess {
        let process = try start(testTarget, ["run", "--pidfile", pidFile.string] + arguments, options)
        try await waitUntil(pidFile, names: process.pid)
        return process
    }

    /// Returns when a PID file names this process.
    package static func waitUntil(_ pidFile: FilePath, names pid: Int32) async throws {
        _ = try await waitUntil(pidFile) { $0 == pid }
    }

    /// The process that a PID file names, once it names one.
    package static func named(by pidFile: FilePath) async throws -> TestProcess {
        TestProcess(handle: try ProcessHandle(pid: try await waitUntil(pidFile) { _ in true }))
    }

    /// The process that a PID file names, once it names another than that one.
    package static func named(by pidFile: FilePath, otherThan pid: Int32) async throws -> TestProcess {
        TestProcess(handle: try ProcessHandle(pid: try await waitUntil(pidFile) { $0 != pid }))
    }

    private static func waitUntil(_ pidFile: FilePath, _ isIt: (Int32) -> Bool) async throws -> Int32 {
        let events = try sharedEvents.get()
        let (hints, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let watch = events.watch(pidFile) { _ in continuation.yield() }
        defer { watch.cancel() }
        continuation.yield()
        for await _ in hints {
            let text = (try? readWholeFile(pidFile, limit: 100)).map { String(decoding: $0, as: UTF8.self) }
            // The fixture writes its number at once.
            if let pid = text?.split(separator: "\n").first.flatMap({ Int32($0) }), isIt(pid) { return pid }
        }
        throw CancellationError()
    }

    /// One for all tests: a user has 128 inotify instances on the whole machine (inotify(7)).
    private static let sharedEvents = Result { try DirectoryEvents(on: EventLoop()) }

    package func kill(_ signal: Int32 = SIGKILL) {
        // It may have ended already, and then that is what was wanted.
        try? handle.send(signal)
    }

    package func end() async throws {
        kill()
        try await handle.waitForEnd(on: EventLoop())
    }

    /// Ends it, and returns when init has collected it, so that its PID is free.
    package func endAndBeCollected() async throws {
        kill()
        let pidfd = handle.pidfd
        let result = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                // Blocks. A pidfd hangs up when its process is collected (fs/pidfs.c, pidfd_poll).
                var descriptor = pollfd(fd: pidfd, events: 0, revents: 0)
                continuation.resume(returning: poll(&descriptor, 1, 20000))
            }
        }
        guard result == 1 else { throw TestProcessError(description: "process \(pid) is not collected by init") }
    }

    /// The program of `Tests/Fixtures/test-target`, built beside the tests.
    package static var testTarget: FilePath {
        get throws {
            FilePath(bytes: try readLink("/proc/self/exe")).removingLastComponent().appending("test-target")
        }
    }

    private static func output(
        of program: FilePath, _ arguments: [String], environment: [String]
    ) throws -> String {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0, let reading = ends.first, let writing = ends.last else {
            throw Errno(rawValue: errno)
        }
        let reader = OwnedDescriptor(owning: reading)
        // Whoever forks between here and there keeps no more than a pipe of a test.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, writing, 1)
        var pid: pid_t = 0
        let argv = ([program.string] + arguments).map { strdup($0) } + [nil]
        let envp = environment.map { strdup($0) } + [nil]
        defer { (argv + envp).forEach { free($0) } }
        let result = posix_spawn(&pid, program.string, &actions, nil, argv, envp)
        close(writing)
        guard result == 0 else { throw Errno(rawValue: result) }
        let bytes = try reader.readAll(limit: 4096)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        return String(decoding: bytes, as: UTF8.self)
    }
}

package struct TestProcessError: Error, CustomStringConvertible {
    package var description: String

    package init(description: String) {
        self.description = description
    }
}

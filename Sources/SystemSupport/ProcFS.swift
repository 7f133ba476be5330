import Glibc
package import SystemPackage

/// Lists processes and reads what tells one from another.
package protocol ProcessListing: Sendable {
    /// The PIDs of every process there is.
    func processIDs() throws(Errno) -> [Int32]
    /// - Throws: `Errno.noSuchFileOrDirectory` or `.noSuchProcess` when there is no such process.
    func stat(of pid: Int32) throws(Errno) -> ProcessStat
    /// Its arguments, each ended by NUL; empty of a kernel thread and of what has ended.
    func commandLine(of pid: Int32) throws(Errno) -> [UInt8]
}

/// Reads what the kernel tells of processes.
///
/// What is read belongs to whoever has the PID at that moment: hold a `ProcessHandle` and look that it still lives
/// afterwards.
package protocol ProcessReading: ProcessListing {
    func status(of pid: Int32) throws(Errno) -> ProcessStatus
    /// What can't be read of it is left out, unless that says nothing of the process (`Errno.isShortage`).
    func facts(of pid: Int32) throws(Errno) -> ProcessFacts
    /// Where its executable is or was; the kernel adds " (deleted)" when it is gone.
    func executable(of pid: Int32) throws(Errno) -> ByteText
    /// Every process there is; all of them, or an error.
    func table() throws(Errno) -> [ProcessStat]
    /// How a process ended. A child of ours is thereby taken out of the process table.
    func exitStatus(of process: ProcessHandle) -> ExitStatus
}

/// /proc, as proc(5) describes it.
package struct ProcFS: ProcessReading {
    private static let root: FilePath = "/proc"
    /// Arguments and environment are at most a quarter of the stack limit, 8 MiB as a rule; this is plenty.
    private static let largestBlock = 4 << 20

    package init() {}

    package func stat(of pid: Int32) throws(Errno) -> ProcessStat {
        // Read so often that it gets along without a buffer and a path on the heap.
        let result = withUnsafeTemporaryAllocation(byteCount: Self.longestStat, alignment: 1) { buffer in
            Self.readStat(of: pid, into: buffer)
        }
        return try result.get()
    }

    package func status(of pid: Int32) throws(Errno) -> ProcessStatus {
        let text = try readWholeFile(directory(of: pid).appending("status"), limit: 1 << 20)
        guard let status = ProcessStatus(parsing: text) else { throw .badMessage }
        return status
    }

    package func facts(of pid: Int32) throws(Errno) -> ProcessFacts {
        let stat = try stat(of: pid)
        // Of a leader that has ended, only the other threads still know the program.
        let directory = stat.isZombie ? survivingThread(of: pid) : directory(of: pid)
        func block(_ name: String) throws(Errno) -> [ByteText]? {
            try contents(of: directory.appending(name), limit: Self.largestBlock).map(ByteText.list)
        }
        func link(_ name: String) -> ByteText? {
            (try? readLink(directory.appending(name))).map { ByteText($0) }
        }
        return ProcessFacts(
            stat: stat, status: try status(of: pid), executable: link("exe"),
            executableFile: ExecutableFile.at(directory.appending("exe")), arguments: try block("cmdline"),
            environment: try block("environ"), directory: link("cwd"), root: link("root"),
            limits: try limits(directory), output: openFile(directory.pushing("fd/1")),
            errorOutput: openFile(directory.pushing("fd/2")), niceness: niceness(of: pid),
            oomScoreAdjustment: try number(directory.appending("oom_score_adj")),
            surroundings: try surroundings(directory))
    }

    package func commandLine(of pid: Int32) throws(Errno) -> [UInt8] {
        // Read by the thousand, and nearly always short.
        let result = withUnsafeTemporaryAllocation(byteCount: Self.shortLine, alignment: 1) { buffer in
            Self.readFile("/proc/\(pid)/cmdline", into: buffer).map { Array(buffer.prefix($0)) }
        }
        let line = try result.get()
        guard line.count == Self.shortLine else { return line }
        return try readWholeFile(directory(of: pid).appending("cmdline"), limit: Self.largestBlock)
    }

    package func executable(of pid: Int32) throws(Errno) -> ByteText {
        ByteText(try readLink(directory(of: pid).appending("exe")))
    }

    package func processIDs() throws(Errno) -> [Int32] {
        try numbers(in: Self.root)
    }

    package func table() throws(Errno) -> [ProcessStat] {
        var table: [ProcessStat] = []
        for pid in try processIDs() {
            do throws(Errno) {
                table.append(try stat(of: pid))
            } catch {
                // One that ends while we look is not there.
                guard !error.isShortage else { throw error }
            }
        }
        return table
    }

    package func exitStatus(of process: ProcessHandle) -> ExitStatus {
        switch process.reap() {
        case .unknown: process.exitStatusFromPidfd()
        case let told: told
        }
    }

    /// The threads of a process.
    package func threads(of pid: Int32) throws(Errno) -> [Int32] {
        try numbers(in: directory(of: pid).appending("task"))
    }

    /// How many descriptors a process has open.
    package func descriptorCount(of pid: Int32) throws(Errno) -> Int {
        try numbers(in: directory(of: pid).appending("fd")).count
    }

    private func directory(of pid: Int32) -> FilePath {
        Self.root.appending(String(pid))
    }

    private static let shortLine = 4096
    /// The name has at most 64 bytes, each of the 51 fields 20.
    private static let longestStat = 2048

    private static func readStat(of pid: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Result<
        ProcessStat, Errno
    > {
        // The kernel makes the whole line at once.
        readFile("/proc/\(pid)/stat", into: buffer).flatMap { count in
            ProcessStat(parsing: buffer.prefix(count)).map { .success($0) } ?? .failure(.badMessage)
        }
    }

    /// Reads what one read(2) gives.
    private static func readFile(_ path: String, into buffer: UnsafeMutableRawBufferPointer) -> Result<Int, Errno> {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return .failure(Errno(rawValue: errno)) }
        defer { close(fd) }
        let count = read(fd, buffer.baseAddress, buffer.count)
        return count >= 0 ? .success(count) : .failure(Errno(rawValue: errno))
    }

    private func survivingThread(of pid: Int32) -> FilePath {
        let tasks = directory(of: pid).appending("task")
        let living = (try? numbers(in: tasks))?.first { thread in
            let line = try? readWholeFile(tasks.pushing(FilePath("\(thread)/stat")), limit: 4096)
            return line.flatMap { ProcessStat(parsing: $0) }.map { !$0.isZombie } ?? false
        }
        return living.map { tasks.appending(String($0)) } ?? directory(of: pid)
    }

    /// Nil for what can't be read of a process.
    private func contents(of file: FilePath, limit: Int) throws(Errno) -> [UInt8]? {
        do {
            return try readWholeFile(file, limit: limit)
        } catch {
            guard !error.isShortage else { throw error }
            return nil
        }
    }

    private func limits(_ directory: FilePath) throws(Errno) -> [ResourceLimit]? {
        try contents(of: directory.appending("limits"), limit: 1 << 16).flatMap { ResourceLimit.list(parsing: $0) }
    }

    private func niceness(of pid: Int32) -> Int32? {
        // -1 is a niceness, too.
        errno = 0
        let niceness = getpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(pid))
        return errno == 0 ? niceness : nil
    }

    private func number(_ file: FilePath) throws(Errno) -> Int32? {
        try contents(of: file, limit: 64).flatMap { Int32(decimal: $0.prefix { $0 != UInt8(ascii: "\n") }) }
    }

    private func surroundings(_ directory: FilePath) throws(Errno) -> ProcessSurroundings {
        let cgroups = try contents(of: directory.appending("cgroup"), limit: 1 << 16) ?? []
        var namespaces: [String: ByteText] = [:]
        for kind in ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"] {
            namespaces[kind] = (try? readLink(directory.pushing(FilePath("ns/\(kind)")))).map { ByteText($0) }
        }
        return ProcessSurroundings(cgroups: CgroupMembership(parsing: cgroups), namespaces: namespaces)
    }

    private func openFile(_ link: FilePath) -> OpenFile? {
        guard let path = try? readLink(link), let status = try? FileStatus.of(link) else { return nil }
        return OpenFile(path: ByteText(path), file: status.file, isRegular: status.kind == .regular)
    }

    /// The entries of a directory that are numbers.
    private func numbers(in path: FilePath) throws(Errno) -> [Int32] {
        guard let stream = path.withPlatformString({ opendir($0) }) else { throw Errno(rawValue: errno) }
        defer { closedir(stream) }
        var numbers: [Int32] = []
        while let entry = readdir(stream) {
            let number = withUnsafeBytes(of: &entry.pointee.d_name) { Int32(decimal: $0.prefix { $0 != 0 }) }
            if let number { numbers.append(number) }
        }
        return numbers
    }
}

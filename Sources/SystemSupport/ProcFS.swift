import Glibc
package import SystemPackage

/// Reads what the kernel tells of processes.
///
/// What is read belongs to whoever has the PID at that moment: hold a `ProcessHandle` and look that it still lives
/// afterwards.
package protocol ProcessReading: Sendable {
    /// - Throws: `Errno.noSuchFileOrDirectory` or `.noSuchProcess` when there is no such process.
    func stat(of pid: Int32) throws(Errno) -> ProcessStat
    func status(of pid: Int32) throws(Errno) -> ProcessStatus
    func facts(of pid: Int32) throws(Errno) -> ProcessFacts
    /// Every process there is.
    func table() throws(Errno) -> [ProcessStat]
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
        func block(_ name: String) -> [ByteText]? {
            (try? readWholeFile(directory.appending(name), limit: Self.largestBlock)).map(ByteText.list)
        }
        func link(_ name: String) -> ByteText? {
            (try? readLink(directory.appending(name))).map { ByteText($0) }
        }
        return ProcessFacts(
            stat: stat, status: try status(of: pid), executable: link("exe"),
            executableFile: ExecutableFile.at(directory.appending("exe")), arguments: block("cmdline"),
            environment: block("environ"), directory: link("cwd"), root: link("root"),
            limits: limits(directory), output: openFile(directory.pushing("fd/1")),
            errorOutput: openFile(directory.pushing("fd/2")), niceness: niceness(of: pid),
            oomScoreAdjustment: number(directory.appending("oom_score_adj")), surroundings: surroundings(directory))
    }

    package func table() throws(Errno) -> [ProcessStat] {
        // One that ends while we look is not there.
        try numbers(in: Self.root).compactMap { try? stat(of: $0) }
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

    /// The name has at most 64 bytes, each of the 51 fields 20.
    private static let longestStat = 2048

    private static func readStat(of pid: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Result<
        ProcessStat, Errno
    > {
        let fd = open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return .failure(Errno(rawValue: errno)) }
        defer { close(fd) }
        // The kernel makes the whole line at once.
        let count = read(fd, buffer.baseAddress, buffer.count)
        guard count >= 0 else { return .failure(Errno(rawValue: errno)) }
        return ProcessStat(parsing: buffer.prefix(count)).map { .success($0) } ?? .failure(.badMessage)
    }

    private func survivingThread(of pid: Int32) -> FilePath {
        let tasks = directory(of: pid).appending("task")
        let living = (try? numbers(in: tasks))?.first { thread in
            let line = try? readWholeFile(tasks.pushing(FilePath("\(thread)/stat")), limit: 4096)
            return line.flatMap { ProcessStat(parsing: $0) }.map { !$0.isZombie } ?? false
        }
        return living.map { tasks.appending(String($0)) } ?? directory(of: pid)
    }

    private func limits(_ directory: FilePath) -> [ResourceLimit]? {
        (try? readWholeFile(directory.appending("limits"), limit: 1 << 16)).flatMap { ResourceLimit.list(parsing: $0) }
    }

    private func niceness(of pid: Int32) -> Int32? {
        // -1 is a niceness, too.
        errno = 0
        let niceness = getpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(pid))
        return errno == 0 ? niceness : nil
    }

    private func number(_ file: FilePath) -> Int32? {
        (try? readWholeFile(file, limit: 64)).flatMap { Int32(decimal: $0.prefix { $0 != UInt8(ascii: "\n") }) }
    }

    private func surroundings(_ directory: FilePath) -> ProcessSurroundings {
        let cgroups = (try? readWholeFile(directory.appending("cgroup"), limit: 1 << 16)) ?? []
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

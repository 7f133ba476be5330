import Glibc

/// What this process uses.
package struct ProcessFigures: Sendable, Hashable {
    package var cpuSeconds: Double
    package var residentBytes: Int64
    package var descriptors: Int
    package var descriptorLimit: UInt64
    package var threads: Int

    /// Asks the kernel (getrusage(2), getrlimit(2), proc(5)); nil when it does not tell.
    package static var own: ProcessFigures? {
        var usage = rusage()
        var limit = rlimit()
        let processes = ProcFS()
        let pid = getpid()
        guard getrusage(RUSAGE_SELF.rawValue, &usage) == 0, getrlimit(.init(RLIMIT_NOFILE.rawValue), &limit) == 0,
            let stat = try? processes.stat(of: pid), let descriptors = try? processes.descriptorCount(of: pid),
            let threads = try? processes.threads(of: pid)
        else { return nil }
        return ProcessFigures(
            cpuSeconds: usage.ru_utime.seconds + usage.ru_stime.seconds,
            residentBytes: stat.residentPages * Int64(max(1, sysconf(Int32(_SC_PAGESIZE)))), descriptors: descriptors,
            descriptorLimit: UInt64(limit.rlim_cur), threads: threads.count)
    }
}

extension timeval {
    fileprivate var seconds: Double { Double(tv_sec) + Double(tv_usec) / 1e6 }
}

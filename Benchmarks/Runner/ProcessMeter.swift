import FoundationEssentials
import Glibc

/// Reads what a process has used, from outside.
struct ProcessMeter: Sendable {
    /// Bytes, of smaps_rollup in proc_pid_smaps(5).
    struct Memory: Sendable {
        /// Anonymous memory, and pages of files that were written to: nobody else has them, no file holds them.
        var ownDirty: Int
        var resident: Int
        /// Resident, shared pages divided by those who share them.
        var proportional: Int
    }

    let id: pid_t

    /// The CPU time of all its threads, ended ones included, to the nanosecond: clock_getcpuclockid(3).
    func cpuTime() throws(BenchmarkError) -> Duration {
        var clock = clockid_t()
        var time = timespec()
        guard clock_getcpuclockid(id, &clock) == 0, clock_gettime(clock, &time) == 0 else { throw .cannotRead("\(id)") }
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    func memory() throws(BenchmarkError) -> Memory {
        let fields = try fields(of: "smaps_rollup")
        func bytes(_ name: String) -> Int { (fields[name] ?? 0) * 1024 }
        return Memory(
            ownDirty: bytes("Private_Dirty") + bytes("Swap"), resident: bytes("Rss"), proportional: bytes("Pss"))
    }

    /// The voluntary context switches of every thread that lives, by its number.
    func voluntarySwitches() throws(BenchmarkError) -> [String: Int] {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(id)/task")) ?? []
        guard !threads.isEmpty else { throw .cannotRead("/proc/\(id)/task") }
        var switches: [String: Int] = [:]
        for thread in threads {
            // One that has ended since the listing is none of those that live.
            switches[thread] = try? fields(of: "task/\(thread)/status")["voluntary_ctxt_switches"]
        }
        return switches
    }

    /// The lines `name: number` of a file of its /proc directory.
    private func fields(of file: String) throws(BenchmarkError) -> [String: Int] {
        guard let data = FileManager.default.contents(atPath: "/proc/\(id)/\(file)") else {
            throw .cannotRead("/proc/\(id)/\(file)")
        }
        var fields: [String: Int] = [:]
        for line in String(decoding: data, as: UTF8.self).split(separator: "\n") {
            let words = line.split { $0 == " " || $0 == "\t" || $0 == ":" }
            if words.count >= 2, let number = Int(words[1]) { fields[String(words[0])] = number }
        }
        return fields
    }
}

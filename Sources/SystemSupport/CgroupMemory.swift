package import SystemPackage

/// How much memory a cgroup uses, as its files tell: without a program that is started, or a bus that is asked.
///
/// Without the file pages that the kernel would drop first, as `docker stats` counts.
package enum CgroupMemory {
    /// Where the hierarchies are (cgroups(7)).
    package static let root: FilePath = "/sys/fs/cgroup"

    /// Tells the memory of the cgroup that a process is in.
    ///
    /// - Returns: nil when it has ended, or nobody counts the memory of its cgroup.
    package static func megabytes(ofProcess pid: Int32) -> Double? {
        path(ofProcess: pid).flatMap { megabytes(path: $0) }
    }

    /// Finds the cgroup that a process is in.
    ///
    /// - Returns: nil when it has ended, or is in none.
    package static func path(ofProcess pid: Int32) -> String? {
        (try? readWholeFile(FilePath("/proc/\(pid)/cgroup"), limit: 1 << 16)).flatMap {
            path(inMembership: String(decoding: $0, as: UTF8.self))
        }
    }

    /// Tells the memory of a cgroup, to a tenth of a megabyte.
    ///
    /// - Parameter path: as /proc/PID/cgroup and systemd's `ControlGroup` have it, seen from the root of the hierarchy.
    /// - Returns: nil when there is no such cgroup, or nobody counts its memory.
    package static func megabytes(path: String, root: FilePath = root) -> Double? {
        // What leads out of the hierarchy is of another namespace, and is not what would be found here.
        guard path.hasPrefix("/"), !path.split(separator: "/").contains("..") else { return nil }
        // Not lazily: a lazy compactMap asks twice, and traps when the cgroup is gone the second time.
        for layout in Layout.all {
            let directory = root.appending(layout.hierarchy + path.dropFirst())
            if let megabytes = megabytes(directory, layout) { return megabytes }
        }
        return nil
    }

    /// Finds the cgroup that has the memory in lines `ID:CONTROLLERS:PATH`: of the memory controller, if it has a
    /// hierarchy of its own, else of the one hierarchy of version 2.
    package static func path(inMembership text: String) -> String? {
        let entries = text.split(separator: "\n").map {
            $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        }.filter { $0.count == 3 }
        let own = entries.first { $0[1].split(separator: ",").contains("memory") }
        return (own ?? entries.first { $0[0] == "0" && $0[1].isEmpty }).map { String($0[2]) }
    }

    /// The files of one version (cgroups(7), memory.rst of the kernel).
    private struct Layout: Sendable {
        var hierarchy: String
        var usage: String
        var cache: String

        static let all = [
            Layout(hierarchy: "", usage: "memory.current", cache: "inactive_file"),
            // Beside hierarchies of version 1, where systemd mounts the one of version 2 (a hybrid).
            Layout(hierarchy: "unified/", usage: "memory.current", cache: "inactive_file"),
            Layout(hierarchy: "memory/", usage: "memory.usage_in_bytes", cache: "total_inactive_file"),
        ]
    }

    private static func megabytes(_ directory: FilePath, _ layout: Layout) -> Double? {
        guard let usage = text(directory.appending(layout.usage)).flatMap({ Double($0.prefix { $0 != "\n" }) }) else {
            return nil
        }
        let cache = text(directory.appending("memory.stat"))?.split(separator: "\n").lazy
            .map { $0.split(separator: " ") }.first { $0.first.map(String.init) == layout.cache }?.last.flatMap {
                Double($0)
            }
        return (max(0, usage - (cache ?? 0)) / 1_048_576 * 10).rounded() / 10
    }

    private static func text(_ path: FilePath) -> String? {
        (try? readWholeFile(path, limit: 1 << 16)).map { String(decoding: $0, as: UTF8.self) }
    }
}

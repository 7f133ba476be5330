package import SystemPackage

/// Reads how much memory a cgroup uses, from the kernel's files (cgroups(7)).
package struct CgroupMemory: Sendable {
    private let usage: FilePath
    private let statistics: FilePath
    private let inactiveKey: String

    /// Finds the memory cgroup of a process, if it is the one that `isMeant` says; nil when there is none.
    ///
    /// - Parameters:
    ///   - pid: is somebody else's by now, or of another host, unless the path says that it is the one.
    ///   - isMeant: looks at the cgroup's path.
    package init?(of pid: Int32, isMeant: (String) -> Bool) {
        guard let text = try? readWholeFile(FilePath("/proc/\(pid)/cgroup"), limit: 1 << 16) else { return nil }
        self.init(membership: String(decoding: text, as: UTF8.self), isMeant: isMeant) { path in
            (try? FileStatus.of(path)) != nil
        }
    }

    /// - Parameter exists: whether there is such a file.
    package init?(membership: String, isMeant: (String) -> Bool, exists: (FilePath) -> Bool) {
        // Lines `ID:CONTROLLERS:PATH`; paths may hold colons. The unified hierarchy has no controllers named.
        for line in membership.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard let controllers = parts.dropFirst().first, let path = parts.dropFirst(2).first.map(String.init),
                isMeant(path)
            else { continue }
            let isUnified = controllers.isEmpty
            guard isUnified || controllers.split(separator: ",").contains("memory") else { continue }
            for mount in isUnified ? ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] : ["/sys/fs/cgroup/memory"] {
                let directory = FilePath(mount).appending(FilePath(path).components)
                let usage = directory.appending(isUnified ? "memory.current" : "memory.usage_in_bytes")
                guard exists(usage) else { continue }
                self.usage = usage
                statistics = directory.appending("memory.stat")
                inactiveKey = isUnified ? "inactive_file" : "total_inactive_file"
                return
            }
        }
        return nil
    }

    /// What is in use without the part of the page cache that can go at any time, in MiB; nil when it is gone.
    package func usedMB() -> Double? {
        guard let usage = number(in: usage) else { return nil }
        let inactive = (try? readWholeFile(statistics, limit: 1 << 16)).flatMap { Self.value(inactiveKey, in: $0) } ?? 0
        return Double(usage - min(usage, inactive)) / 1_048_576
    }

    private func number(in file: FilePath) -> UInt64? {
        (try? readWholeFile(file, limit: 64)).flatMap { UInt64(decimal: $0.prefix { $0 != UInt8(ascii: "\n") }) }
    }

    /// Finds a line `KEY NUMBER`.
    package static func value(_ key: String, in statistics: [UInt8]) -> UInt64? {
        for line in statistics.split(separator: UInt8(ascii: "\n")) {
            let parts = line.split(separator: UInt8(ascii: " "))
            guard parts.count == 2, let name = parts.first, let value = parts.last, name.elementsEqual(key.utf8) else {
                continue
            }
            return UInt64(decimal: value)
        }
        return nil
    }
}

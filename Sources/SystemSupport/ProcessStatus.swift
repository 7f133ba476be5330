/// What /proc/PID/status tells of a process beyond its stat line (proc_pid_status(5)).
package struct ProcessStatus: Sendable, Hashable {
    /// Real, effective, saved and file system ids.
    package var users: [UInt32]
    package var groups: [UInt32]
    package var supplementaryGroups: [UInt32]
    /// The process that this thread belongs to.
    package var threadGroup: Int32
    /// Since Linux 4.7.
    package var umask: UInt32?
    /// Permitted capabilities, and those that it could ever get (capabilities(7)).
    package var permittedCapabilities: UInt64
    package var boundingCapabilities: UInt64
    /// Whether an exec can't give it more (prctl(2), PR_SET_NO_NEW_PRIVS).
    package var hasNoNewPrivileges: Bool

    /// Reads the lines of the file; nil when ids are missing, as they never are.
    package init?(parsing text: [UInt8]) {
        var values: [Substring: Substring] = [:]
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            values[line[..<colon]] = line[line.index(after: colon)...]
        }
        func numbers(_ key: Substring) -> [UInt32] {
            (values[key] ?? "").split { $0 == "\t" || $0 == " " }.compactMap { UInt32($0) }
        }
        users = numbers("Uid")
        groups = numbers("Gid")
        supplementaryGroups = numbers("Groups")
        umask = values["Umask"].flatMap { UInt32($0.drop { $0 == "\t" }, radix: 8) }
        func set(_ key: Substring) -> UInt64 { values[key].flatMap { UInt64($0.drop { $0 == "\t" }, radix: 16) } ?? 0 }
        permittedCapabilities = set("CapPrm")
        boundingCapabilities = set("CapBnd")
        hasNoNewPrivileges = numbers("NoNewPrivs") == [1]
        guard users.count == 4, groups.count == 4, let threadGroup = numbers("Tgid").first.map({ Int32(clamping: $0) })
        else { return nil }
        self.threadGroup = threadGroup
    }

    package var effectiveUser: UInt32 { users.dropFirst().first ?? .max }
}

package import Supervision
package import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Looks at a state directory without changing it, beside a runner that may be at work in it.
package enum StateProbe {
    /// Says why nothing could be written there; nil when it could. One that is missing is made by the runner: then it is the
    /// place where it would be made.
    package static func row(_ path: FilePath) -> CheckReport.Row? {
        var place = path
        while access(place.string, F_OK) != 0, errno == ENOENT, place.removeLastComponent() {}
        var row = CheckReport.Row(target: "state-dir \(path)", state: "unusable", ok: false)
        guard access(place.string, W_OK | X_OK) == 0 else {
            row.detail = "nothing can be written to \(place): \(Errno(rawValue: errno))"
            row.advice = "give the runner's user a directory of its own with --state-dir: without it nothing starts"
            return row
        }
        var facts = statvfs()
        guard statvfs(place.string, &facts) == 0 else { return nil }
        // File systems that count no blocks or inodes have 0 of 0.
        guard (facts.f_blocks > 0 && facts.f_bavail == 0) || (facts.f_files > 0 && facts.f_favail == 0) else {
            return nil
        }
        row.detail = "the file system of \(place) is full"
        row.advice = "make room: nothing is started that can't be written down"
        return row
    }

    /// The targets that a `stop` command holds down, as a runner wrote it down.
    package static func held(in path: FilePath) -> Set<TargetID> {
        guard let bytes = try? JournalFile(StateDirectory.journal(in: path)).read() else { return [] }
        return Set(JournalContents(JournalLines.read(bytes)).records.filter(\.value.isHeld).keys)
    }
}

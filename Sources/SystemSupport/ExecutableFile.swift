import CPlatformShims
import Glibc
package import SystemPackage

/// What an exec of a file would do to the ids and capabilities of a process.
package struct ExecutableFile: Sendable, Hashable {
    /// setuid, setgid or file capabilities (capabilities(7)).
    package var isPrivileged: Bool

    package init(isPrivileged: Bool) {
        self.isPrivileged = isPrivileged
    }

    /// Looks at a file; nil when it is none that this process may execute.
    package static func at(_ path: FilePath) -> ExecutableFile? {
        guard let status = try? FileStatus.of(path), status.kind == .regular,
            // With the ids for files, not with the real ones.
            path.withPlatformString({ faccessat(AT_FDCWD, $0, X_OK, AT_EACCESS) }) == 0
        else { return nil }
        let hasCapabilities = path.withPlatformString { clevagent_has_file_capabilities($0) } != 0
        return ExecutableFile(isPrivileged: status.permissions & UInt32(S_ISUID | S_ISGID) != 0 || hasCapabilities)
    }

    /// Looks at a file as another user would; nil when it is none that this user may execute.
    package static func at(_ path: FilePath, for ids: LaunchIDs?) throws(Errno) -> ExecutableFile? {
        guard let ids else { return at(path) }
        return try withFileIDs(ids) { () throws(Errno) in at(path) }
    }
}

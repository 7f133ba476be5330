import CPlatformShims
import Glibc
import Supervision
package import SystemPackage

/// What programs of one user claim on this host, each name by one of them at a time.
///
/// A name is a byte of one file, locked with an open file description lock (fcntl_locking(2), Linux >= 3.15): the kernel lets
/// go of it when the program ends, however it ends, and nothing in the file needs tidying up. The bytes need not exist.
package final class HostClaims: Sendable {
    private let file: OwnedDescriptor

    /// - Parameter directory: is made if need be, and must be this user's own.
    package init(in directory: FilePath) throws(Errno) {
        try makePrivateDirectory(directory)
        file = try .open(directory.appending("claims"), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, mode: 0o600)
    }

    /// Claims a name until this object is gone.
    ///
    /// - Returns: whether it is ours: false when another has it.
    package func claim(_ name: String) throws(Errno) -> Bool {
        try ask(name, CLEVAGENT_LOCK_TAKE)
    }

    /// Whether somebody else has claimed a name.
    package func isClaimed(_ name: String) throws(Errno) -> Bool {
        try !ask(name, CLEVAGENT_LOCK_PROBE)
    }

    /// Gives a name back; one that is not ours is left as it is.
    package func release(_ name: String) throws(Errno) {
        _ = try ask(name, CLEVAGENT_LOCK_RELEASE)
    }

    private func ask(_ name: String, _ what: clevagent_lock) throws(Errno) -> Bool {
        let result = clevagent_lock_byte(file.rawValue, Self.place(of: name), what)
        guard result >= 0 else { throw Errno(rawValue: -result) }
        return result == 1
    }

    /// A place in 2^62 for a name: two of a thousand names share one once in 10^13 hosts.
    private static func place(of name: String) -> Int64 { Int64(StableHash(of: name).value >> 2) }
}

extension FilePath {
    /// The same file by the one path that has no symbolic link above it (realpath(3)); as it is where there is none.
    package var resolvingDirectory: FilePath {
        guard let name = lastComponent, let real = realpath(removingLastComponent().string, nil) else { return self }
        defer { free(real) }
        return FilePath(platformString: real).appending(name)
    }
}

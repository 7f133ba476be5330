import Glibc
package import SystemPackage

/// Puts a new file in the place of an old one, or where there is none, in one step (rename(2)).
///
/// Whoever reads sees the old content or the new. A symbolic link of that name is replaced, not followed. It is not put
/// on the disk with fsync(2): for files that mean nothing after a crash of the machine.
package func replaceFile(_ path: FilePath, with bytes: [UInt8], permissions: UInt32) throws(Errno) {
    guard let name = path.lastComponent else { throw .invalidArgument }
    let temporary = path.removingLastComponent().appending(".\(name.string).\(UInt32.random(in: 0...UInt32.max))")
    let descriptor = try OwnedDescriptor.open(
        temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode: permissions)
    do throws(Errno) {
        // Whatever our own umask took away.
        guard fchmod(descriptor.rawValue, permissions) == 0 else { throw Errno(rawValue: errno) }
        try descriptor.writeAll(bytes)
        let result = temporary.withPlatformString { from in path.withPlatformString { rename(from, $0) } }
        guard result == 0 else { throw Errno(rawValue: errno) }
    } catch {
        _ = temporary.withPlatformString { unlink($0) }
        throw error
    }
}

import Glibc
package import SystemPackage

/// Reads the end of a regular file, if it still is the one that it is expected to be.
///
/// - Parameter limit: of what is read, in bytes.
/// - Returns: whole lines and when the file was written to last; nil when another file has that name now, or none.
/// - Throws: what the system says against reading it, a symbolic link (ELOOP) among it.
package func readFileTail(
    _ path: FilePath, expecting file: FileID, limit: Int
) throws(Errno) -> (bytes: [UInt8], modified: WallTime)? {
    // A name from /proc/PID/fd has no links in it; should one have been put there since, it leads to another file.
    let descriptor = try OwnedDescriptor.open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW)
    let status = try descriptor.status()
    guard status.kind == .regular, status.file == file else { return nil }
    let start = max(0, status.size - Int64(limit))
    guard lseek(descriptor.rawValue, off_t(start), SEEK_SET) >= 0 else { throw Errno(rawValue: errno) }
    let bytes = try descriptor.read(atMost: limit)
    guard start > 0 else { return (bytes, status.modified) }
    // The first line began before what was read: without its beginning nobody knows what it says.
    let rest = bytes.firstIndex(of: UInt8(ascii: "\n")).map { Array(bytes[($0 + 1)...]) }
    return (rest ?? [], status.modified)
}

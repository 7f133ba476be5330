import Glibc
package import SystemPackage

/// Reads a file from its beginning to its end.
///
/// - Throws: `Errno.fileTooLarge` when it holds more than `limit` bytes.
package func readWholeFile(_ path: FilePath, limit: Int) throws(Errno) -> [UInt8] {
    try OwnedDescriptor.open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK).readAll(limit: limit)
}

/// Where a symbolic link points, as the bytes that it holds (readlink(2)).
package func readLink(_ path: FilePath) throws(Errno) -> [UInt8] {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let capacity = buffer.count
    let count = path.withPlatformString { readlink($0, &buffer, capacity) }
    guard count >= 0 else { throw Errno(rawValue: errno) }
    return buffer.prefix(count).map { UInt8(bitPattern: $0) }
}

extension FilePath {
    /// A path from the bytes that the kernel gave.
    package init(bytes: [UInt8]) {
        self = (bytes.prefix { $0 != 0 } + [0]).withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { characters in
                characters.baseAddress.map { FilePath(platformString: $0) } ?? FilePath()
            }
        }
    }
}

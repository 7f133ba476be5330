import SystemPackage

/// Files that an operator wrote: symbolic links are followed, sizes are limited.
enum HostFile {
    /// The whole content; nil when there is no such file.
    ///
    /// - Throws: `Errno`, also for what is no regular file's size (EFBIG).
    static func read(_ path: FilePath, limit: Int) throws -> [UInt8]? {
        let file: FileDescriptor
        do {
            // Non-blocking, so that a FIFO with nobody at its other end is no trap.
            file = try .open(path, .readOnly, options: [.closeOnExec, .nonBlocking])
        } catch Errno.noSuchFileOrDirectory {
            return nil
        }
        return try file.closeAfter { try file.readAll(limit: limit) }
    }
}

extension FileDescriptor {
    /// Everything up to the end.
    ///
    /// - Throws: `Errno`, EFBIG when there is more than `limit` bytes.
    func readAll(limit: Int) throws -> [UInt8] {
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = try buffer.withUnsafeMutableBytes { try read(into: $0) }
            if count == 0 { return content }
            content += buffer.prefix(count)
            guard content.count <= limit else { throw Errno.fileTooLarge }
        }
    }
}

package import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file of lines that only grows. A line is on the disk when `append` returns; a torn last line, from a crash while it
/// was written, is dropped at the next opening.
package struct AppendOnlyFile: ~Copyable {
    private let file: FileDescriptor
    private var length: Int64

    /// Opens or makes the file, which must hold `lines` and nothing else that counts.
    package init(_ path: FilePath, replacingWith lines: [[UInt8]]) throws {
        var content: [UInt8] = []
        for line in lines { content += line + [UInt8(ascii: "\n")] }
        try DurableFile.replace(path, with: content)
        file = try .open(path, .writeOnly, options: [.append, .closeOnExec, .noFollow])
        length = Int64(content.count)
    }

    deinit {
        try? file.close()
    }

    /// Adds a line and waits until it is on the disk (fdatasync(2)). After a failure the file is as before.
    package mutating func append(_ line: [UInt8]) throws {
        do {
            try file.writeAll(line + [UInt8(ascii: "\n")])
            guard fdatasync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
            length += Int64(line.count + 1)
        } catch {
            // Half a line, on a full disk, would spoil the next one.
            _ = ftruncate(file.rawValue, off_t(length))
            throw error
        }
    }

    /// The whole lines of a file; a last one without its end is left out.
    ///
    /// - Returns: nil when there is no such file.
    package static func lines(of path: FilePath) throws -> [[UInt8]]? {
        guard let content = try DurableFile.read(path, limit: 64 << 20) else { return nil }
        var parts = content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        _ = parts.popLast()
        return parts.map(Array.init)
    }
}

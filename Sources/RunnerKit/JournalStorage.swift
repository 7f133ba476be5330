package import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where a journal's bytes are. Only the journal's own executor calls it; it may block.
package protocol JournalStorage: Sendable {
    /// Every byte; nil when there is nothing yet.
    func read() throws -> [UInt8]?

    /// Puts these bytes in the place of all. Either they are on the disk when it returns, or all is as before.
    mutating func replace(with bytes: [UInt8]) throws

    /// Adds bytes at the end. After a failure all is as before.
    ///
    /// - Parameter durably: returns only after they, and all before them, are on the disk.
    mutating func append(_ bytes: [UInt8], durably: Bool) throws

    /// Keeps what is there under another name.
    ///
    /// - Returns: that name; nil when it can't be kept.
    func setAside() -> String?
}

/// A journal in a file.
package struct JournalFile: JournalStorage {
    private static let largest = 256 << 20

    private let path: FilePath
    private var file: OpenedFile?

    /// Closes with the last copy.
    private final class OpenedFile: Sendable {
        let descriptor: FileDescriptor

        init(_ descriptor: FileDescriptor) { self.descriptor = descriptor }

        deinit { try? descriptor.close() }
    }

    private var length: Int64 = 0

    package init(_ path: FilePath) {
        self.path = path
    }

    package func read() throws -> [UInt8]? {
        try DurableFile.read(path, limit: Self.largest)
    }

    package mutating func replace(with bytes: [UInt8]) throws {
        try DurableFile.replace(path, with: bytes)
        file = OpenedFile(try .open(path, .writeOnly, options: [.append, .closeOnExec, .noFollow]))
        length = Int64(bytes.count)
    }

    package mutating func append(_ bytes: [UInt8], durably: Bool) throws {
        guard let file = file?.descriptor else { throw Errno.badFileDescriptor }
        do {
            try file.writeAll(bytes)
            // fdatasync(2): the length is data's business, the times are not.
            guard !durably || fdatasync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
            length += Int64(bytes.count)
        } catch {
            // Half a line, on a full disk, would spoil the next one.
            _ = ftruncate(file.rawValue, off_t(length))
            throw error
        }
    }

    package func setAside() -> String? {
        DurableFile.setAside(path)
    }
}

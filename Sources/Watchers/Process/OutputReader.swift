import Supervision
import SystemPackage
import SystemSupport

/// Reads what processes wrote to files, on a thread of its own: a disk may hang, and nobody else is to wait for it.
actor OutputReader {
    /// Of one file, in bytes.
    private static let limit = 32 << 10

    private nonisolated let loop: EventLoop

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init() throws {
        loop = try EventLoop()
    }

    /// The ends of these files, that which was written to last at the end.
    ///
    /// - Parameter ids: whose rights are used; nil for our own.
    /// - Returns: nil when none of them can be read.
    func tails(of files: [OpenFile], as ids: LaunchIDs?) -> [UInt8]? {
        guard !Task.isCancelled else { return nil }
        let tails = files.compactMap { file in
            do throws(Errno) {
                let path = FilePath(bytes: file.path.bytes)
                let read = { () throws(Errno) in try readFileTail(path, expecting: file.file, limit: Self.limit) }
                return if let ids { try withFileIDs(ids, read) } else { try read() }
            } catch {
                return nil
            }
        }
        guard !tails.isEmpty else { return nil }
        let newline = [UInt8(ascii: "\n")]
        return Array(tails.sorted { $0.modified < $1.modified }.map(\.bytes).joined(separator: newline))
    }
}

extension LaunchRecipe {
    /// The regular files that it writes to, each once.
    var outputFiles: [OpenFile] {
        let files = [output, errorOutput].compactMap { $0 }.filter(\.isRegular)
        return files.last?.file == files.first?.file ? Array(files.prefix(1)) : files
    }
}

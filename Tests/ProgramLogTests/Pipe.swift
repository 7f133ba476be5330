import Dispatch
import Glibc
import Testing

/// A pipe in the place of standard error.
final class Pipe: Sendable {
    let writeEnd: Int32
    private let readEnd: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    deinit {
        close(writeEnd)
        close(readEnd)
    }

    /// Writes empty lines until no more go in.
    func fill() {
        let flags = fcntl(writeEnd, F_GETFL)
        _ = fcntl(writeEnd, F_SETFL, flags | O_NONBLOCK)
        let lines = [UInt8](repeating: UInt8(ascii: "\n"), count: 4096)
        for size in [lines.count, 1] {
            while write(writeEnd, lines, size) > 0 {}
        }
        _ = fcntl(writeEnd, F_SETFL, flags)
    }

    /// Reads whole lines but empty ones until one of which `isLast` holds.
    func lines(until isLast: @escaping @Sendable (Substring) -> Bool) async -> [Substring] {
        await withCheckedContinuation { continuation in
            DispatchQueue(label: "reader").async { [readEnd] in
                var text = ""
                var chunk = [UInt8](repeating: 0, count: 4096)
                while true {
                    let count = read(readEnd, &chunk, chunk.count)
                    guard count > 0 else { break }
                    text += String(decoding: chunk.prefix(count), as: UTF8.self)
                    if text.last == "\n", text.dropLast().split(separator: "\n").last.map(isLast) == true { break }
                }
                continuation.resume(returning: text.split(separator: "\n"))
            }
        }
    }
}

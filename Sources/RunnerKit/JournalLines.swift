import FoundationEssentials
import Gzip

/// How entries stand in the file: a line for what was written at once, with its checksum before it.
///
/// `89ab01cd [{…},{…}]`: a line that was torn by a crash, or that the disk has spoiled, is not taken for another.
package enum JournalLines {
    /// What could be read of a file.
    package struct Reading: Sendable {
        package var batches: [[JournalEntry]] = []
        /// A line before the last one can't be read: the file is not as this version left it.
        package var isDamaged = false
    }

    private static let end = UInt8(ascii: "\n")
    private static let digits = 8

    /// The line of one batch, with its end.
    package static func line(of entries: [JournalEntry]) throws -> [UInt8] {
        let text = try JSONEncoder().encode(entries)
        let sum = String(Checksum.crc32(text), radix: 16)
        let head = String(repeating: "0", count: digits - sum.utf8.count) + sum + " "
        return Array(head.utf8) + text + [end]
    }

    /// Reads a file's bytes; what follows the last whole line was being written when the machine or the runner ended.
    package static func read(_ bytes: [UInt8]) -> Reading {
        var reading = Reading()
        var isTailBroken = false
        for line in bytes.split(separator: end, omittingEmptySubsequences: false).dropLast() {
            guard let entries = entries(of: line) else {
                isTailBroken = true
                continue
            }
            // Bad lines at the end are what a power cut leaves; good ones after them say that it was something else.
            if isTailBroken { reading.isDamaged = true }
            reading.batches.append(entries)
        }
        // The first line came with the file.
        if reading.batches.isEmpty, !bytes.isEmpty { reading.isDamaged = true }
        return reading
    }

    private static func entries(of line: ArraySlice<UInt8>) -> [JournalEntry]? {
        let text = line.dropFirst(digits + 1)
        guard let sum = UInt32(String(decoding: line.prefix(digits), as: UTF8.self), radix: 16),
            sum == Checksum.crc32(text)
        else { return nil }
        return try? JSONDecoder().decode([JournalEntry].self, from: Data(text))
    }
}

/// A line that a program wrote.
package enum OutputLine: Sendable, Hashable {
    /// Without its newline.
    case text([UInt8])
    /// It was longer than any that is wanted, and is forgotten.
    case tooLong
    /// No line: more was written than there is time for in a second, and who wrote it waits.
    case paused
}

/// Takes lines out of pieces of output, and holds never more than one line.
package struct OutputLines: Sendable {
    private let longest: Int
    private var begun: [UInt8] = []
    private var isTooLong = false

    /// - Parameter longest: the longest line that is kept, in bytes.
    package init(longest: Int) {
        self.longest = longest
    }

    /// Adds a piece and gives the lines that it ends.
    package mutating func append(_ piece: some Sequence<UInt8>) -> [OutputLine] {
        var lines: [OutputLine] = []
        for byte in piece {
            if byte == UInt8(ascii: "\n") {
                lines.append(isTooLong ? .tooLong : .text(begun))
                begun.removeAll(keepingCapacity: true)
                isTooLong = false
            } else if begun.count < longest {
                begun.append(byte)
            } else {
                isTooLong = true
            }
        }
        return lines
    }

    /// Gives what stands at the end without a newline.
    package mutating func finish() -> OutputLine? {
        guard !begun.isEmpty else { return nil }
        defer { begun = [] }
        return isTooLong ? .tooLong : .text(begun)
    }
}

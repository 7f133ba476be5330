import CPlatformShims

/// A command line as one text: blanks where the kernel has NULs, any bytes else.
package struct CommandLineText: Sendable, Hashable {
    private let bytes: [UInt8]

    /// - Parameter block: what /proc/PID/cmdline holds: arguments, each ended by NUL (proc_pid_cmdline(5)).
    package init(_ block: [UInt8]) {
        let end = block.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
        bytes = block.prefix(end).map { $0 == 0 ? UInt8(ascii: " ") : $0 }
    }

    package init(_ arguments: [ByteText]) {
        self.init(Array(arguments.map(\.bytes).joined(separator: [0])))
    }

    package func contains(_ text: ByteText) -> Bool {
        bytes.withUnsafeBytes { line in
            text.bytes.withUnsafeBytes { part in
                guard let start = line.baseAddress, let wanted = part.baseAddress else { return part.isEmpty }
                return clevagent_contains(start, line.count, wanted, part.count) != 0
            }
        }
    }
}

/// Text as the kernel keeps it: any bytes but NUL, mostly UTF-8. Arguments, environment, paths.
package struct ByteText: Sendable, Hashable {
    package var bytes: [UInt8]

    package init(_ bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)
    }

    package init(_ text: String) {
        bytes = Array(text.utf8)
    }

    /// Splits a block of NUL-terminated texts, as /proc/PID/cmdline and environ are.
    package static func list(_ block: [UInt8]) -> [ByteText] {
        var parts = block.split(separator: 0, omittingEmptySubsequences: false).map { ByteText($0) }
        if block.last == 0 || block.isEmpty { parts.removeLast() }
        return parts
    }
}

/// Texts in one piece of memory, for what is kept for long: an environment of forty texts would be forty allocations.
package struct ByteTextList: Sendable, Hashable {
    /// Each text and its NUL.
    private var block: [UInt8]

    package init(_ texts: some Sequence<ByteText>) {
        block = texts.reduce(into: []) { $0 += $1.bytes + [0] }
    }

    package var texts: [ByteText] { ByteText.list(block) }
}

extension ByteTextList: Codable {
    package init(from decoder: any Decoder) throws {
        self.init(try [ByteText](from: decoder))
    }

    package func encode(to encoder: any Encoder) throws {
        try texts.encode(to: encoder)
    }
}

extension ByteText: ExpressibleByStringLiteral, CustomStringConvertible {
    package init(stringLiteral value: String) { self.init(value) }

    package var description: String { String(decoding: bytes, as: UTF8.self) }
}

/// Readable as long as it can be: a string, or an array of numbers for what is not UTF-8.
extension ByteText: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        do {
            bytes = Array(try container.decode(String.self).utf8)
        } catch DecodingError.typeMismatch {
            bytes = try container.decode([UInt8].self)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let text = String(validating: bytes, as: UTF8.self) {
            try container.encode(text)
        } else {
            try container.encode(bytes)
        }
    }
}

extension ByteText {
    /// The kernel marks the link to an executable or directory that was removed or replaced (proc_pid_exe(5)).
    package var withoutDeletedMark: ByteText {
        let mark = Array(" (deleted)".utf8)
        return bytes.suffix(mark.count) == mark[...] ? ByteText(bytes.dropLast(mark.count)) : self
    }
}

import FoundationEssentials
package import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// One message, before it has a form.
package struct LogRecord: Sendable {
    /// Milliseconds since 1970-01-01T00:00:00Z, for people.
    package var time: Int64
    package var level: Logger.Level
    /// The logger's.
    package var label: String
    /// The module that says it.
    package var source: String
    package var message: String
    package var metadata: [String: String]

    package init(
        time: Int64 = Self.now, level: Logger.Level, label: String, source: String, message: String,
        metadata: [String: String] = [:]
    ) {
        self.time = time
        self.level = level
        self.label = label
        self.source = source
        self.message = message
        self.metadata = metadata
    }

    package static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// About what it takes in memory.
    var size: Int {
        metadata.reduce(100 + message.utf8.count) { $0 + $1.key.utf8.count + $1.value.utf8.count }
    }

    /// Message and metadata without the rest, which the journal has of its own.
    var words: String { metadata.isEmpty ? message : "\(message) \(pairs)" }

    /// A line for people, with its end. What it holds may be anybody's words.
    package var text: String {
        let words = metadata.isEmpty ? "" : " \(pairs)"
        return "\(formatted("%Y-%m-%dT%H:%M:%S%z", localtime_r)) \(level) \(label):\(words) [\(source)] \(message)\n"
    }

    /// A line for programs, with its end: one object (RFC 8259) with the members `time` (RFC 3339), `level`, `message`, and
    /// one for each of the metadata; `metadata.KEY` if its key is one of these three.
    package var json: [UInt8] {
        let milliseconds = String(1000 + time % 1000).dropFirst()
        let own = [
            "time": "\(formatted("%Y-%m-%dT%H:%M:%S", gmtime_r)).\(milliseconds)Z", "level": "\(level)",
            "message": message,
        ]
        let members = metadata.reduce(into: own) { $0[own[$1.key] == nil ? $1.key : "metadata.\($1.key)"] = $1.value }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Texts alone: there is nothing that it could not write.
        guard let data = try? encoder.encode(members) else { return [] }
        return Array(data) + [UInt8(ascii: "\n")]
    }

    private var pairs: String {
        metadata.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: " ")
    }

    private func formatted(
        _ format: String,
        _ parts: (UnsafePointer<time_t>, UnsafeMutablePointer<tm>) -> UnsafeMutablePointer<tm>?
    ) -> String {
        var seconds = time_t(time / 1000)
        var civil = tm()
        guard parts(&seconds, &civil) != nil else { return "" }
        return String(
            decoding: [UInt8](unsafeUninitializedCapacity: 64) { buffer, count in
                count = buffer.withMemoryRebound(to: CChar.self) { strftime($0.baseAddress, $0.count, format, &civil) }
            }, as: UTF8.self)
    }
}

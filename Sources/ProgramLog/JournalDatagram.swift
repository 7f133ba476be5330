import Logging

/// A message as journald takes it: one field after the other, as systemd's Native Journal Protocol lays down
/// (https://systemd.io/JOURNAL_NATIVE_PROTOCOL).
package struct JournalDatagram: Sendable {
    /// What journald takes of a name.
    private static let longestName = 64

    package private(set) var bytes: [UInt8] = []

    /// - Parameters:
    ///   - identifier: the program's name.
    ///   - limit: how many bytes of a value there may be. Of longer ones the rest is left out, which is said in its place.
    package init(_ record: LogRecord, identifier: String, limit: Int = .max) {
        append("PRIORITY", record.level.priority, limit)
        append("SYSLOG_IDENTIFIER", identifier, limit)
        append("MESSAGE", LogOutput.marked(record.words), limit)
        append("CLEVAGENT_MODULE", record.source, limit)
        for (key, value) in record.metadata.sorted(by: { $0.key < $1.key }) {
            append(Self.name(of: key), value, limit)
        }
    }

    /// The name of a field: capital letters, digits and underscores, no underscore first, which is for journald's own.
    private static func name(of key: String) -> String {
        let letters = key.uppercased().utf8.map { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): byte
            default: UInt8(ascii: "_")
            }
        }
        return String(decoding: ("CLEVAGENT_".utf8 + letters).prefix(longestName), as: UTF8.self)
    }

    private mutating func append(_ name: String, _ value: String, _ limit: Int) {
        var value = value
        if value.utf8.count > limit {
            let more = value.utf8.count - limit
            value = "\(String(decoding: value.utf8.prefix(limit), as: UTF8.self))… (\(more) more bytes left out)"
        }
        bytes += name.utf8
        if value.utf8.contains(UInt8(ascii: "\n")) {
            // By its length, little-endian: a line end would end it otherwise.
            bytes.append(UInt8(ascii: "\n"))
            withUnsafeBytes(of: UInt64(value.utf8.count).littleEndian) { bytes += $0 }
        } else {
            bytes.append(UInt8(ascii: "="))
        }
        bytes += value.utf8
        bytes.append(UInt8(ascii: "\n"))
    }
}

extension Logger.Level {
    /// As syslog(3) counts.
    fileprivate var priority: String {
        switch self {
        case .trace, .debug: "7"
        case .info: "6"
        case .notice: "5"
        case .warning: "4"
        case .error: "3"
        case .critical: "2"
        }
    }
}

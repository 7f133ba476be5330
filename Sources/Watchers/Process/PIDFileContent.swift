/// What stands in a PID file.
package enum PIDFileContent: Sendable, Hashable {
    case empty
    /// A number; without a line end it may be the beginning of a longer one.
    case pid(Int32, isTerminated: Bool)
    /// Nothing that could be a process, with the reason.
    case refused(String)

    /// The kernel's PID_MAX_LIMIT (include/linux/threads.h).
    private static let largest = 4 * 1024 * 1024

    /// Reads the first line; some programs write more below it.
    package init(parsing bytes: [UInt8]) {
        let line = bytes.prefix { $0 != UInt8(ascii: "\n") }
        let isTerminated = line.endIndex < bytes.endIndex
        let text = line.trimmingBlanks()
        guard !text.isEmpty else {
            self = bytes.allSatisfy(\.isBlank) ? .empty : .refused("PID file begins with an empty line")
            return
        }
        let digits = text.first == UInt8(ascii: "-") ? text.dropFirst() : text
        guard !digits.isEmpty, digits.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else {
            self = .refused("PID file holds no process id in its first line")
            return
        }
        guard text == digits else {
            self = .refused("PID file holds a negative number, which would mean a process group")
            return
        }
        guard digits.count < 18, let number = Int(String(decoding: digits, as: UTF8.self)), number <= Self.largest
        else {
            self = .refused("PID file holds a number larger than any process id")
            return
        }
        switch number {
        case 0: self = .refused("PID file holds 0, which is no process")
        case 1: self = .refused("PID file names process 1, which is the system's init")
        default: self = .pid(Int32(number), isTerminated: isTerminated)
        }
    }
}

extension UInt8 {
    fileprivate var isBlank: Bool {
        self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") || self == UInt8(ascii: "\r")
            || self == UInt8(ascii: "\n")
    }
}

extension ArraySlice<UInt8> {
    fileprivate func trimmingBlanks() -> ArraySlice<UInt8> {
        let start = drop(while: \.isBlank)
        return start.prefix((start.lastIndex { !$0.isBlank }.map { $0 + 1 } ?? start.startIndex) - start.startIndex)
    }
}

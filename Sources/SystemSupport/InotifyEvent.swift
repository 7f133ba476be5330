import Glibc

/// One record of an inotify descriptor (inotify(7)).
struct InotifyEvent: Sendable, Hashable {
    var watch: Int32
    var mask: UInt32
    /// The entry of the watched directory; empty for the watched file itself.
    var name: [UInt8]

    /// Splits what read(2) gave into records; a cut record at the end is left out.
    static func parse(_ bytes: some Collection<UInt8>) -> [InotifyEvent] {
        var events: [InotifyEvent] = []
        var rest = Array(bytes)[...]
        let headerSize = 16
        while rest.count >= headerSize {
            let header = rest.prefix(headerSize).withUnsafeBytes { raw in
                (0..<4).map { raw.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self) }
            }
            guard header.count == 4, let watch = header.first, let length = header.last.map(Int.init),
                let mask = header.dropFirst().first, rest.count >= headerSize + length
            else { break }
            rest = rest.dropFirst(headerSize)
            let name = rest.prefix(length).prefix { $0 != 0 }
            events.append(InotifyEvent(watch: Int32(bitPattern: watch), mask: mask, name: Array(name)))
            rest = rest.dropFirst(length)
        }
        return events
    }

    /// Events were lost.
    var isOverflow: Bool { mask & UInt32(IN_Q_OVERFLOW) != 0 }
    /// The kernel has removed the watch: its directory or file system is gone.
    var endsWatch: Bool { mask & UInt32(IN_IGNORED | IN_UNMOUNT) != 0 }
    /// The watched directory or file is no longer where it was.
    var movesWatch: Bool { mask & UInt32(IN_DELETE_SELF | IN_MOVE_SELF) != 0 }
    var isClose: Bool { mask & UInt32(IN_CLOSE_WRITE) != 0 }
}

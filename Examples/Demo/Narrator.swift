import FoundationEssentials
import Glibc
import WireProtocol

/// Tells the reader what happens and when.
struct Narrator {
    private let start: WireTime

    /// Begins a scene at `start`.
    init(from start: WireTime) { self.start = start }

    /// Prints one step with its time and how long after the scene's beginning it was.
    func step(_ text: String, at time: WireTime = .now) {
        let elapsed = time.millisecondsSince1970 - start.millisecondsSince1970
        let after = elapsed <= 0 ? "" : "+\(elapsed) ms"
        Self.say("  \(time.rfc3339.dropFirst(11))  \(after.leftPadded(to: 8))  \(text)")
    }

    /// Prints a line at once, also into a pipe.
    static func say(_ text: String) {
        print(text)
        // All streams, for Swift 6 cannot name stdout.
        fflush(nil)
    }
}

extension WireTime {
    static var now: WireTime { WireTime(Date()) }
}

extension String {
    fileprivate func leftPadded(to width: Int) -> String {
        String(repeating: " ", count: max(width - count, 0)) + self
    }
}

import WireProtocol

/// A person wants a target watched and reported, and not restarted by policy. Commands are carried out all the same.
package struct Pause: Sendable, Hashable, Codable {
    /// When it ends by itself, in this boot; nil for not before it is resumed.
    package var until: BootInstant?

    package init(until: BootInstant? = nil) {
        self.until = until
    }

    /// `until it is resumed`, `for 30 min`.
    func words(at now: BootInstant) -> String {
        guard let until else { return "until it is resumed" }
        let seconds = (max(now.duration(to: until), .zero).wholeMilliseconds + 500) / 1000
        return seconds < 120 ? "for \(seconds) s" : "for \((seconds + 30) / 60) min"
    }
}

package import Supervision

/// How much of each second is spent on an endless output: who writes more than can be read in a tenth of it waits for
/// the next one (pipe(7)).
package struct OutputPace: Sendable, Hashable {
    package static let mostInASecond = Duration.milliseconds(100)

    private var began: BootInstant?
    private var spent = Duration.zero

    package init() {}

    /// Counts the time that was spent between these two moments.
    ///
    /// - Returns: until when nothing more is to be taken; nil when there is time for more.
    package mutating func spend(from start: BootInstant, to end: BootInstant) -> BootInstant? {
        let second = began.flatMap { $0.duration(to: start) < .seconds(1) ? $0 : nil } ?? start
        if second != began { spent = .zero }
        began = second
        spent += start.duration(to: end)
        return spent < Self.mostInASecond ? nil : max(end, second.advanced(by: .seconds(1)))
    }
}

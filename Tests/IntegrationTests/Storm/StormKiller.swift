import Supervision

#if canImport(Glibc)
    import Glibc
#endif

/// Decides when each life is ended, and by which signal. A value: the same seed gives the same storm, as far as the
/// runner brings the targets back in the same order.
struct StormKiller: Sendable {
    struct Blow: Sendable, Hashable {
        /// How long after a process of the life was seen.
        var delay: Duration
        var signal: Int32
    }

    private var random: SplitMix64

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    /// The next life's end: half of them before the runner has finished with the start, or soon after.
    mutating func next() -> Blow {
        // None of these is a way to ask a process to end: all are deaths.
        let signal = [SIGKILL, SIGKILL, SIGKILL, SIGKILL, SIGSEGV, SIGABRT].randomElement(using: &random) ?? SIGKILL
        let milliseconds =
            switch Int.random(in: 0..<100, using: &random) {
            // As soon as the kernel tells its exec: the program may not have begun, the runner waits at its gate.
            case ..<20: 0
            // While its PID file is written and the start is told.
            case ..<50: Int.random(in: 0..<50, using: &random)
            case ..<95: Int.random(in: 50..<1500, using: &random)
            // Up for long enough to count as restarted.
            default: Int.random(in: 5500..<7000, using: &random)
            }
        return Blow(delay: .milliseconds(milliseconds), signal: signal)
    }
}

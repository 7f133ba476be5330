/// How long the settings of a storm let a target be down. Told by the documents, not by the runner's code.
enum StormPolicy {
    /// `backoff: {initial: 0, max: 1}`; a second try comes after a tenth of a second at least.
    private static let first = Duration.milliseconds(100)
    private static let maximum = Duration.seconds(1)
    private static let jitter = 1.2
    /// Until it is known how a process ended, if its parent does not collect it.
    private static let longestGrace = Duration.seconds(5)

    /// For the machine: seeing the death, waiting for one of four start permits beside nine others, reading every process,
    /// writing the new identity to the disk, the service manager's part. A report says how much of it was needed; most
    /// is for a debug build on a machine that has other work.
    static let allowance = Duration.seconds(3)
    /// For a runner that starts: reading its state and looking at each target for the first time.
    static let startup = Duration.seconds(1)

    /// The longest time between a death and the next exec, without the allowance.
    ///
    /// - Parameter death: which of this target's it is, from 1. None is up for the ten minutes that would start afresh.
    static func longestWait(_ target: StormTarget, death: Int) -> Duration {
        let grace = target.grace ?? longestGrace
        guard death > 1 else { return grace }
        let nominal = (2..<death).reduce(first) { wait, _ in min(wait * 2, maximum) }
        return grace + nominal * jitter
    }
}

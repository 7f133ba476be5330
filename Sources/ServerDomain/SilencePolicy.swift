/// Says how long an instance may stay silent.
package enum SilencePolicy {
    /// The interval of a sender that never said one.
    package static let defaultInterval: Duration = .seconds(60)
    /// What every sender is given on top, for the way and for a busy host.
    package static let slack: Duration = .seconds(5)
    /// The least time any timer runs after the server's own start: nobody could reach it before.
    package static let leastAfterStart: Duration = .seconds(30)

    /// The silence after which an instance counts as down.
    package static func allowance(_ interval: Duration?) -> Duration {
        (interval ?? defaultInterval) * 2 + slack
    }

    /// The same, counted from the server's own start.
    package static func allowanceAfterStart(_ interval: Duration?) -> Duration {
        max(allowance(interval), leastAfterStart)
    }

    /// Tells a runner that fell silent from one that merely stopped reporting one agent.
    ///
    /// A living runner reports everything once an interval. So when one of its instances runs out and nothing at all
    /// came from it for longer than that interval, it is the runner that is silent.
    package static func runnerIsSilent(unheardFor: Duration, interval: Duration?) -> Bool {
        unheardFor > (interval ?? defaultInterval)
    }
}

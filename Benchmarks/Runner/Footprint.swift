/// What a supervisor used in a window of one minute.
struct Footprint: Sendable {
    var cpu: Duration
    var memory: ProcessMeter.Memory
    var threads: Int
    var switches: Switches
}

/// Voluntary context switches of all threads.
struct Switches: Sendable {
    var all = 0
    /// Those in stretches in which nothing was sent.
    var idle = 0
}

/// Counts the switches of a process in short stretches, so that those around a request can be told from the rest.
struct SwitchCounter {
    private struct Stretch {
        var range: Range<ContinuousClock.Instant>
        var switches: Int
    }

    private let meter: ProcessMeter
    private var stretches: [Stretch] = []
    private var last: [String: Int]
    private var lastRead: ContinuousClock.Instant

    init(_ meter: ProcessMeter) throws {
        self.meter = meter
        last = try meter.voluntarySwitches()
        lastRead = .now
    }

    /// Ends a stretch. A thread that was born and ended within it is not seen.
    mutating func read() throws {
        let switches = try meter.voluntarySwitches()
        let now = ContinuousClock.now
        let new = switches.reduce(0) { $0 + $1.value - (last[$1.key] ?? 0) }
        stretches.append(Stretch(range: lastRead..<now, switches: new))
        (last, lastRead) = (switches, now)
    }

    /// - Parameter arrivals: When requests came in. What is sent and what is answered is over 100 ms later.
    func switches(besides arrivals: [ContinuousClock.Instant]) -> Switches {
        let margin = Duration.milliseconds(100)
        return stretches.reduce(into: Switches()) { sum, stretch in
            let near = (stretch.range.lowerBound - margin)..<(stretch.range.upperBound + margin)
            sum.all += stretch.switches
            if !arrivals.contains(where: near.contains) { sum.idle += stretch.switches }
        }
    }
}

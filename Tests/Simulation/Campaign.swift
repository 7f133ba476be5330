/// Many worlds, one after the other.
struct Campaign {
    let options: Options

    /// - Returns: whether nothing was violated.
    func run() -> Bool {
        let clock = ContinuousClock()
        let began = clock.now
        var counts: [String: Int] = [:]
        var ran = 0
        for seed in options.seeds {
            let scenario = Scenario(seed: seed, limits: options.limits)
            let outcome = Simulation(scenario: scenario, isPrinting: options.isPrinting).run()
            ran += 1
            counts.merge(outcome.counts, uniquingKeysWith: +)
            if let violation = outcome.violation {
                tell(outcome, violation)
                if options.isShrinking {
                    Shrinker(limits: options.limits, seed: seed, invariant: violation.invariant).run()
                }
                return false
            }
            if options.runsTwice || ran == 1 {
                let again = Simulation(scenario: scenario).run()
                guard again.hash == outcome.hash else {
                    print("seed \(seed) has two traces: \(outcome.hash) and \(again.hash)")
                    return false
                }
            }
            if options.seeds.count == 1 { print("seed \(seed): trace \(String(outcome.hash, radix: 16))") }
        }
        if options.showsTable { table(counts) }
        let seconds = began.duration(to: clock.now)
        print(
            "\(ran) seeds from \(options.seeds.lowerBound), \(options.limits.time.text) each, in \(seconds): no violation"
        )
        return true
    }

    private func tell(_ outcome: Simulation.Outcome, _ violation: Violation) {
        if !options.isPrinting { for line in outcome.lastLines { print(line) } }
        print("\(outcome.scenario)")
        print("VIOLATED \(violation)")
        print("seed \(outcome.scenario.seed), trace \(String(outcome.hash, radix: 16))")
    }

    private func table(_ counts: [String: Int]) {
        for (name, count) in counts.sorted(by: { $0.key < $1.key }) {
            print("\(name)\(String(repeating: " ", count: max(1, 60 - name.count)))\(count)")
        }
    }
}

/// Looks for a smaller world that breaks the same promise: fewer kinds of faults, fewer targets, less time.
struct Shrinker {
    var limits: Limits
    let seed: UInt64
    let invariant: Invariant

    func run() {
        var limits = limits
        limits.faults = Set(Scenario(seed: seed, limits: limits).faults)
        func fails(_ limits: Limits) -> Bool {
            Simulation(scenario: Scenario(seed: seed, limits: limits)).run().violation?.invariant == invariant
        }
        for fault in Fault.allCases where limits.faults?.contains(fault) == true {
            var smaller = limits
            smaller.faults?.remove(fault)
            if fails(smaller) { limits = smaller }
        }
        for minutes: Int64 in [40, 60, 90, 120, 180, 240] where Moment.minutes(minutes) < limits.time {
            var smaller = limits
            smaller.time = .minutes(minutes)
            if fails(smaller) {
                limits = smaller
                break
            }
        }
        for targets in [1, 2, 3, 5] {
            var smaller = limits
            smaller.targets = targets
            if fails(smaller) {
                limits = smaller
                break
            }
        }
        let names = (limits.faults ?? []).map(\.rawValue).sorted().joined(separator: ",")
        let targets = limits.targets.map { " --targets \($0)" } ?? ""
        print("smaller: --seed \(seed) --minutes \(limits.time / .minutes(1))\(targets) --faults \(names) --print")
    }
}

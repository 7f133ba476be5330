import Supervision

/// What a seed says of its world, before anything happens in it.
struct Scenario: CustomStringConvertible {
    struct TargetPlan {
        var kind: WatcherKind
        var policy: RestartPolicy
        var startsUp: Bool
    }

    var seed: UInt64
    /// How long things go wrong.
    var turmoil: Moment
    /// How long nothing goes wrong afterwards.
    var quiet: Moment
    /// The targets of each host.
    var hosts: [[TargetPlan]]
    var interval: Duration
    var faults: [Fault]
    /// The one promise that is watched; nil for all.
    var promise: Invariant?
    /// Whether runners and server may die at any await, not only between two things that happen.
    var killsAnywhere: Bool

    /// Back-off, an answer of 401 and 20 minutes of a server's own restart have an end by then.
    static let quietTime = Moment.minutes(30)

    init(seed: UInt64, limits: Limits) {
        var random = SplitMix64(seed: seed &* 0x9E37_79B9 &+ 1)
        func draw(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }
        self.seed = seed
        promise = limits.promise
        quiet = Self.quietTime
        turmoil = max(.minutes(10), limits.time - quiet)
        let count = limits.targets ?? 8 + draw(5)
        let policies: [RestartPolicy] = [.unlessStopped, .unlessStopped, .unlessStopped, .onFailure, .always, .never]
        let plans = (0..<count).map { index in
            TargetPlan(
                kind: WatcherKind.allCases[index % 4], policy: policies[draw(policies.count)], startsUp: draw(10) > 0)
        }
        let isSplit = draw(3) == 0 && count > 1
        hosts = isSplit ? [Array(plans.prefix(count / 2)), Array(plans.dropFirst(count / 2))] : [plans]
        interval = [.seconds(30), .seconds(60), .seconds(120), .seconds(120)][draw(4)]
        // Not all at once in one world: what one fault hides another shows.
        let density = [30, 60, 100][draw(3)]
        faults = Fault.allCases.filter { _ in draw(100) < density }
        if let only = limits.faults { faults = Fault.allCases.filter(only.contains) }
        faults.removeAll(where: limits.without.contains)
        killsAnywhere = faults.contains(.runnerKilled)
    }

    var description: String {
        let targets = hosts.map { $0.map { "\($0.kind.rawValue)/\($0.policy.rawValue)" }.joined(separator: " ") }
        return
            "seed \(seed): \(targets.joined(separator: " | ")); interval \(interval); turmoil \(turmoil.text); faults: "
            + faults.map(\.rawValue).joined(separator: " ")
    }
}

/// What the command line says of all worlds.
struct Limits {
    var time = Moment.hours(6)
    var targets: Int?
    var faults: Set<Fault>?
    var without: Set<Fault> = []
    /// The one promise that is watched; nil for all.
    var promise: Invariant?
}

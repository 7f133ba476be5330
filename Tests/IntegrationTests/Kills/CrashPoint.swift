import FoundationEssentials

/// A place in a program's life at which it is ended: one of its steps, as `Tests/Fixtures/crash-points` counts them.
struct CrashPoint: Sendable, Hashable, CustomStringConvertible {
    enum Moment: String, Sendable, CaseIterable {
        case before
        /// When half of what the step writes is written.
        case half
        case after
    }

    var step: Int
    var moment: Moment

    /// As the program under test is told.
    var description: String { "\(step) \(moment.rawValue)" }

    /// So many points, spread evenly over the phases in which the steps were seen once, and in each over its steps; when
    /// there are not so many, all, and some again: another run is never quite the same.
    static func spread(_ count: Int, over steps: [(step: CrashTrace.Step, phase: Int)]) -> [CrashPoint] {
        let phases = Dictionary(grouping: steps, by: \.phase).mapValues { $0.flatMap { all(of: $0.step) } }
        var points: [CrashPoint] = []
        for (index, phase) in phases.values.sorted(by: { $0.count < $1.count }).enumerated() {
            let share = min(phase.count, (count - points.count) / (phases.count - index))
            points += (0..<share).map { phase[$0 * phase.count / share] }
        }
        guard !points.isEmpty, points.count < count else { return points.sorted { $0.step < $1.step } }
        return points + spread(count - points.count, over: steps)
    }

    private static func all(of step: CrashTrace.Step) -> [CrashPoint] {
        Moment.allCases.filter { $0 != .half || step.canBeHalved }.map { CrashPoint(step: step.number, moment: $0) }
    }

    /// How many points there are to be on each occasion.
    static let count = ProcessInfo.processInfo.environment["CLEVAGENT_KILL_POINTS"].flatMap { Int($0) } ?? 5
}

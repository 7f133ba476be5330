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

    /// So many points, evenly spread over the steps that were seen once; when there are not so many, all, and again from
    /// the first on: another run is never quite the same.
    static func spread(_ count: Int, over steps: [CrashTrace.Step]) -> [CrashPoint] {
        let all = steps.filter { $0.number > 0 }.flatMap { step in
            Moment.allCases.filter { $0 != .half || step.canBeHalved }.map { CrashPoint(step: step.number, moment: $0) }
        }
        guard count <= all.count else { return all + spread(count - all.count, over: steps) }
        return (0..<count).map { all[$0 * all.count / count] }
    }

    /// How many points there are to be on each occasion.
    static let count = ProcessInfo.processInfo.environment["CLEVAGENT_KILL_POINTS"].flatMap { Int($0) } ?? 6
}

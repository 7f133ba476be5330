/// The lives of all targets and runners, as the kernel told them. A value: the same entries give the same lives.
struct StormRecord: Sendable {
    /// One copy of a target: a process that became its program, and what that forked, until the last of them has ended.
    struct Life: Sendable, Hashable {
        var target: String
        var began: Duration
        var ended: Duration?
        /// Those that run, by the machine's PIDs.
        var running: Set<Int32>
        /// All that ever were, by their own namespace's PIDs, as their runner knows them.
        var inner: [Int32]
    }

    enum Change: Sendable, Hashable {
        /// A copy has a new process.
        case joined(target: String, life: Int, pid: Int32)
        case ended(target: String, life: Int)
    }

    /// A time without a runner.
    struct Outage: Sendable, Hashable {
        var began: Duration
        var ended: Duration?
    }

    /// By target, in the order of their beginning.
    private(set) var lives: [String: [Life]] = [:]
    private(set) var outages: [StormTarget.Place: [Outage]] = [:]
    private var lifeOfProcess: [Int32: (target: String, index: Int)] = [:]
    /// When a process became a program that is not known, by the machine's PIDs; the child it forks may come later.
    private var unnamed: [Int32: Duration] = [:]
    /// Those that run, by the machine's PIDs.
    private(set) var runners: [Int32: StormTarget.Place] = [:]
    private let targets: [String: StormTarget]

    init(_ targets: [StormTarget]) {
        self.targets = Dictionary(uniqueKeysWithValues: targets.map { ($0.name, $0) })
    }

    /// Whether exactly one copy of each runs.
    var isEachUp: Bool { targets.keys.allSatisfy { runningCopies(of: $0) == 1 } }

    func runningCopies(of target: String) -> Int { lives[target, default: []].count { $0.ended == nil } }

    mutating func take(_ entry: ProcessRecorder.Entry) -> Change? {
        switch entry.event {
        case .forked(let inner, let parent, let arguments): forked(entry, inner, parent, arguments)
        case .executed(let inner, let arguments): executed(entry, inner, arguments)
        case .exited: exited(entry)
        }
    }

    // MARK: Events

    private mutating func forked(
        _ entry: ProcessRecorder.Entry, _ inner: Int32, _ parent: Int32, _ arguments: [String]
    ) -> Change? {
        if let (target, index) = lifeOfProcess[parent] { return join(entry.pid, inner, target, index) }
        // A daemon's first process may be gone before it could be looked at: its child says whose it was.
        guard let time = unnamed[parent], let target = name(in: arguments) else { return nil }
        return begin(entry.pid, inner, target, at: time)
    }

    private mutating func executed(
        _ entry: ProcessRecorder.Entry, _ inner: Int32, _ arguments: [String]
    ) -> Change? {
        if let place = runnerPlace(arguments) {
            runners[entry.pid] = place
            let last = outages[place, default: []].endIndex - 1
            if last >= 0 { outages[place]?[last].ended = entry.time }
            return nil
        }
        guard let target = name(in: arguments) else {
            unnamed[entry.pid] = entry.time
            return nil
        }
        // A copy that executes its program anew goes on.
        guard lifeOfProcess[entry.pid]?.target != target else { return nil }
        return begin(entry.pid, inner, target, at: entry.time)
    }

    private mutating func begin(_ pid: Int32, _ inner: Int32, _ target: String, at time: Duration) -> Change? {
        lives[target, default: []].append(Life(target: target, began: time, running: [], inner: []))
        return join(pid, inner, target, lives[target, default: []].count - 1)
    }

    private mutating func join(_ pid: Int32, _ inner: Int32, _ target: String, _ index: Int) -> Change? {
        lifeOfProcess[pid] = (target, index)
        lives[target]?[index].running.insert(pid)
        lives[target]?[index].inner.append(inner)
        return .joined(target: target, life: index, pid: pid)
    }

    private mutating func exited(_ entry: ProcessRecorder.Entry) -> Change? {
        if let place = runners.removeValue(forKey: entry.pid) {
            outages[place, default: []].append(Outage(began: entry.time))
            return nil
        }
        guard let (target, index) = lifeOfProcess.removeValue(forKey: entry.pid) else { return nil }
        lives[target]?[index].running.remove(entry.pid)
        guard lives[target]?[index].running.isEmpty == true else { return nil }
        lives[target]?[index].ended = entry.time
        return .ended(target: target, life: index)
    }

    // MARK: Who is who

    private func runnerPlace(_ arguments: [String]) -> StormTarget.Place? {
        guard arguments.first?.hasSuffix("/clevagent-runner") == true else { return nil }
        return targets.values.first { target in arguments.contains { $0.hasPrefix(target.name + "=") } }?.place
    }

    /// Which target's program this is; nil for whoever else has its name in his arguments, such as who starts it.
    private func name(in arguments: [String]) -> String? {
        guard arguments.count > 1, arguments[0].hasSuffix("/test-target"), arguments[1] == "run",
            let option = arguments.firstIndex(of: "--name"), option + 1 < arguments.count
        else { return nil }
        return targets[arguments[option + 1]]?.name
    }
}

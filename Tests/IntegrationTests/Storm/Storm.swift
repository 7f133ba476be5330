import Dispatch
import SystemSupport

#if canImport(Glibc)
    import Glibc
#endif

/// Kills targets as soon as they are up again, until there were enough deaths, and keeps the record of it.
actor Storm {
    enum Milestone: Sendable, Hashable {
        /// From here on the recorder misses nothing.
        case recording
        /// That share of the deaths is over.
        case passed(percent: Int)
        /// All deaths are over, and each target is up.
        case calm
    }

    /// How long a target may be down before the storm is given up; far more than the policy allows.
    private static let patience = Duration.seconds(40)
    /// When to look again whether a target is told as up.
    private static let breath = Duration.milliseconds(50)

    /// What happens, for one reader; ends with an error when no verdict is possible.
    nonisolated let milestones: AsyncThrowingStream<Milestone, any Error>

    private(set) var record: StormRecord
    /// From the first blow to the last target's being up again.
    private(set) var duration = Duration.zero
    private var killer: StormKiller
    private let total: Int
    /// Those that are hit only when they are told as up. A command that ends with 0 has made a daemon, which has a
    /// minute to be found: the policy itself lets one that dies before that be down for so long.
    private let patient: Set<String>
    private let isTold: @Sendable (String, [Int32]) -> Bool
    private var began: ContinuousClock.Instant?
    private var isRaging = false
    private var deaths = 0
    private var struck: Set<LifeKey> = []
    private var handles: [Int32: ProcessHandle] = [:]
    private let news: AsyncThrowingStream<Milestone, any Error>.Continuation
    private let timers = DispatchQueue(label: "storm")

    private struct LifeKey: Hashable {
        var target: String
        var index: Int
    }

    /// - Parameter isTold: whether the server knows that one of these PIDs of that target is up.
    init(_ targets: [StormTarget], deaths: Int, seed: UInt64, isTold: @escaping @Sendable (String, [Int32]) -> Bool) {
        patient = Set(targets.filter { $0.kind == .daemon }.map(\.name))
        self.isTold = isTold
        record = StormRecord(targets)
        killer = StormKiller(seed: seed)
        total = deaths
        (milestones, news) = AsyncThrowingStream.makeStream()
    }

    /// Takes what the recorder says, until it ends.
    func follow(_ recorder: ProcessRecorder) async {
        do {
            try await recorder.read {
                news.yield(.recording)
            } _: { entry in
                take(entry)
            }
            throw RecorderError(description: "the process recorder ended")
        } catch {
            news.finish(throwing: error)
        }
    }

    /// Lets it begin: all that is up is hit, and all that comes up.
    func begin() {
        isRaging = true
        began = ContinuousClock.now
        for (target, lives) in record.lives {
            for (index, life) in lives.enumerated() where life.ended == nil {
                aim(LifeKey(target: target, index: index))
            }
        }
    }

    private func take(_ entry: ProcessRecorder.Entry) {
        switch record.take(entry) {
        case .joined(let target, let index, let pid):
            // Held now: later the number could be somebody else's.
            handles[pid] = try? ProcessHandle(pid: pid)
            if isRaging { aim(LifeKey(target: target, index: index)) }
        case .ended(let target, let index): ended(LifeKey(target: target, index: index))
        case nil: break
        }
        if case .exited = entry.event { handles[entry.pid] = nil }
        guard deaths >= total, record.isEachUp, duration == .zero, let began else { return }
        duration = ContinuousClock.now - began
        news.yield(.calm)
    }

    private func ended(_ life: LifeKey) {
        guard began != nil, deaths < total else { return }
        struck.remove(life)
        let before = deaths * 100 / total
        deaths += 1
        for percent in before..<(deaths * 100 / total) { news.yield(.passed(percent: percent + 1)) }
        guard deaths == total else { return }
        isRaging = false
        after(Self.patience) { storm in await storm.giveUp() }
    }

    private func giveUp() {
        guard !record.isEachUp else { return }
        let down = record.lives.keys.filter { record.runningCopies(of: $0) != 1 }.sorted()
        news.finish(throwing: RecorderError(description: "after \(Self.patience) not one copy runs of: \(down)"))
    }

    // MARK: Blows

    private func aim(_ life: LifeKey) {
        let blow = killer.next()
        guard blow.delay > .zero else { return strike(life, blow.signal) }
        // A timer and no wait: what the random moment meets is the test, and nothing depends on its being exact.
        after(blow.delay) { storm in await storm.strike(life, blow.signal) }
    }

    private func strike(_ key: LifeKey, _ signal: Int32) {
        guard isRaging, let life = record.lives[key.target]?[key.index], life.ended == nil else { return }
        guard struck.contains(key) || deaths + struck.count < total else { return }
        if patient.contains(key.target), key.index > 0, !isTold(key.target, life.inner) {
            return after(Self.breath) { storm in await storm.aim(key) }
        }
        struck.insert(key)
        for pid in life.running { try? handles[pid]?.send(signal) }
    }

    /// Ends what still runs, when there is nobody any more who would bring it back.
    func endTargets() {
        for handle in handles.values { try? handle.send(SIGKILL) }
    }

    private func after(_ delay: Duration, _ action: @escaping @Sendable (Storm) async -> Void) {
        let milliseconds = Int(delay.inSeconds * 1000)
        timers.asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { [weak self] in
            guard let self else { return }
            Task { await action(self) }
        }
    }
}

import DequeModule
import Supervision
import SystemSupport

/// All jobs of Swift's tasks, run one after the other on the program's one thread, in an order that the seed draws.
///
/// Static, because Swift's runtime knows one place only; `begin` starts anew for each seed.
enum Scheduler {
    private enum Item {
        case global(GlobalTasks.Job)
        case serial(SimulatedExecutor)
    }

    // One thread reads and writes these: the simulation has no other (`install` sees to it).
    nonisolated(unsafe) private static var items: Deque<Item> = []
    nonisolated(unsafe) private static var random = SplitMix64(seed: 0)
    /// Of a hundred jobs, so many are drawn from all that could run; the others are the oldest.
    nonisolated(unsafe) private static var disorder: UInt64 = 0

    /// Takes the jobs of all tasks from here on.
    static func install() {
        GlobalTasks.take { job in items.append(.global(job)) }
    }

    static func begin(seed: UInt64) {
        precondition(items.isEmpty, "jobs of another seed are left")
        random = SplitMix64(seed: seed)
        disorder = [0, 20, 50, 100][Int(random.next() % 4)]
    }

    fileprivate static func add(_ executor: SimulatedExecutor) {
        items.append(.serial(executor))
    }

    /// Runs one job.
    ///
    /// - Returns: whether there was one.
    static func runOne() -> Bool {
        guard !items.isEmpty else { return false }
        if items.count > 1, disorder > 0, random.next() % 100 < disorder {
            items.swapAt(0, Int(random.next() % UInt64(items.count)))
        }
        switch items.removeFirst() {
        case .global(let job): job.run()
        case .serial(let executor): executor.runOne()
        }
        return true
    }
}

/// An actor's own executor, whose jobs run in their order among all others.
// Its jobs are touched by the program's one thread only.
final class SimulatedExecutor: SerialExecutor, @unchecked Sendable {
    private var jobs: Deque<UnownedJob> = []

    func enqueue(_ job: consuming ExecutorJob) {
        jobs.append(UnownedJob(job))
        Scheduler.add(self)
    }

    fileprivate func runOne() {
        jobs.popFirst()?.runSynchronously(on: asUnownedSerialExecutor())
    }
}

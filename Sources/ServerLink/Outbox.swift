package import Supervision
import WireProtocol

/// A state change on its way to the server.
package struct StateChange: Sendable, Hashable {
    package var seq: Int64
    package var target: WatchedTarget
    package var report: TargetReport
    package var observed: BootInstant
    /// The idempotency key.
    package var eventID: String
    /// How many earlier changes of the same agent this one stands for, for want of room.
    package var merged = 0

    package init(seq: Int64, target: WatchedTarget, report: TargetReport, observed: BootInstant, eventID: String) {
        self.seq = seq
        self.target = target
        self.report = report
        self.observed = observed
        self.eventID = eventID
    }
}

/// Keeps state changes, in order, until the server has taken them.
///
/// An implementation keeps at most `capacity` of them: then the oldest changes of the agent that has most are merged,
/// and the merged one says how many it stands for.
package protocol Outbox: Sendable {
    /// Adds a change behind the others.
    ///
    /// - Returns: whether older changes had to be merged for it.
    mutating func append(_ change: StateChange) -> Bool

    /// The oldest changes, at most `limit`.
    func first(_ limit: Int) -> [StateChange]

    /// Forgets changes that were delivered or set aside.
    mutating func remove(seqs: Set<Int64>)

    var isEmpty: Bool { get }
}

/// An outbox that lives as long as the runner.
package struct MemoryOutbox: Outbox {
    package let capacity: Int
    private var changes: [StateChange] = []

    package init(capacity: Int = 10_000) {
        self.capacity = max(2, capacity)
    }

    package var isEmpty: Bool { changes.isEmpty }

    package mutating func append(_ change: StateChange) -> Bool {
        changes.append(change)
        guard changes.count > capacity else { return false }
        mergeOldest()
        return true
    }

    package func first(_ limit: Int) -> [StateChange] {
        Array(changes.prefix(limit))
    }

    package mutating func remove(seqs: Set<Int64>) {
        changes.removeAll { seqs.contains($0.seq) }
    }

    /// Merges the two oldest changes of the agent that has most of them: the later one stays, with the count.
    private mutating func mergeOldest() {
        var counts: [TargetID: Int] = [:]
        for change in changes { counts[change.target.id, default: 0] += 1 }
        guard let (busiest, _) = counts.max(by: { $0.value < $1.value }),
            let older = changes.firstIndex(where: { $0.target.id == busiest }),
            let later = changes[(older + 1)...].firstIndex(where: { $0.target.id == busiest })
        else { return }
        changes[later].merged += changes[older].merged + 1
        changes.remove(at: older)
    }
}

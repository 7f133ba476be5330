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

    /// Whether it says what a plain heartbeat would: evidence is about the past.
    var tellsState: Bool { report.event?.kind != .evidence }

    package init(seq: Int64, target: WatchedTarget, report: TargetReport, observed: BootInstant, eventID: String) {
        self.seq = seq
        self.target = target
        self.report = report
        self.observed = observed
        self.eventID = eventID
    }
}

/// State changes, in order, until the server has taken them.
///
/// At most `capacity` of them are kept: then the oldest changes of the agent that has most are merged, and the merged one
/// says how many it stands for. The same calls give the same outbox.
package struct Outbox: Sendable, Hashable {
    package let capacity: Int
    package private(set) var changes: [StateChange] = []

    package init(capacity: Int = 10_000) {
        self.capacity = max(2, capacity)
    }

    package var isEmpty: Bool { changes.isEmpty }

    /// Adds a change behind the others.
    ///
    /// - Returns: the target whose oldest changes had to be merged for it; nil when there was room.
    @discardableResult
    package mutating func append(_ change: StateChange) -> WatchedTarget? {
        changes.append(change)
        return changes.count > capacity ? mergeOldest() : nil
    }

    /// The oldest changes, at most `limit`.
    package func first(_ limit: Int) -> [StateChange] {
        Array(changes.prefix(limit))
    }

    /// Forgets changes that were delivered or set aside.
    package mutating func remove(seqs: Set<Int64>) {
        changes.removeAll { seqs.contains($0.seq) }
    }

    /// Merges the two oldest changes of the agent that has most of them: the later one stays, with the count. Among
    /// equals it is the agent with the oldest change. One change of each is never merged away.
    private mutating func mergeOldest() -> WatchedTarget? {
        var counts: [TargetID: Int] = [:]
        for change in changes { counts[change.target.id, default: 0] += 1 }
        let most = counts.values.max() ?? 0
        guard most > 1, let older = changes.firstIndex(where: { counts[$0.target.id] == most }) else { return nil }
        let target = changes[older].target
        guard let later = changes[(older + 1)...].firstIndex(where: { $0.target.id == target.id }) else { return nil }
        changes[later].merged += changes[older].merged + 1
        changes.remove(at: older)
        return target
    }
}

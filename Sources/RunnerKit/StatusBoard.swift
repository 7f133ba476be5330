import DequeModule
import NIOConcurrencyHelpers
import ServerLink
import Supervision
import WireProtocol

/// Remembers what was told of every target, and tells it on to operators: what is newest, and what happened lately.
final class StatusBoard: Sendable {
    /// What was told of one target.
    struct Entry: Sendable {
        var target: WatchedTarget
        var report: TargetReport
        /// When its status was first this one.
        var since: BootInstant
        var restarts = 0
        var last: Happening?

        init(unseen target: WatchedTarget, at now: BootInstant) {
            self.target = target
            report = TargetReport(status: .warning, message: "not looked at yet")
            since = now
        }
    }

    /// A state change, and when it happened.
    struct Happening: Sendable, Hashable {
        var target: WatchedTarget
        var kind: HeartbeatEvent.Kind
        var message: String?
        var moment: BootInstant
    }

    /// What is news of a target: that it changed, or what happened to it.
    enum News: Sendable, Hashable {
        case changed(TargetID)
        case happened(Happening)
    }

    /// How often what happened.
    struct Counts: Sendable {
        struct Key: Sendable, Hashable, Comparable {
            var target: String
            var kind: String

            static func < (lhs: Key, rhs: Key) -> Bool { (lhs.target, lhs.kind) < (rhs.target, rhs.kind) }
        }

        var events: [Key: Int] = [:]
        /// By how they ended.
        var commands: [String: Int] = [:]
    }

    fileprivate struct State {
        var entries: [TargetID: Entry]
        var order: [TargetID]
        var happenings: Deque<Happening> = []
        var followers: [Int: AsyncStream<News>.Continuation] = [:]
        var lastFollower = 0
        var counts = Counts()
    }

    /// How many happenings are remembered.
    static let kept = 256
    /// How many news wait for a slow follower, before the oldest are dropped.
    private static let backlog = 1024

    private let state: NIOLockedValueBox<State>

    init(_ targets: [WatchedTarget], at now: BootInstant) {
        let entries = targets.map { ($0.id, Entry(unseen: $0, at: now)) }
        state = NIOLockedValueBox(
            State(entries: Dictionary(entries) { first, _ in first }, order: targets.map(\.id)))
    }

    /// Takes what the targets are from now on.
    func retarget(_ targets: [WatchedTarget], at now: BootInstant) {
        state.withLockedValue { state in
            let former = state.entries
            state.order = targets.map(\.id)
            state.entries = [:]
            for target in targets {
                state.entries[target.id] =
                    former[target.id].flatMap { $0.target == target ? $0 : nil } ?? Entry(unseen: target, at: now)
            }
        }
    }

    /// Takes a state change that is on the disk.
    func note(_ change: StateChange) {
        guard let kind = change.report.event?.kind else { return }
        let happening = Happening(
            target: change.target, kind: kind, message: change.report.message, moment: change.observed)
        let followers = state.withLockedValue { state in
            state.happenings.append(happening)
            state.counts.events[.init(target: "\(change.target.id)", kind: kind.rawValue), default: 0] += 1
            if state.happenings.count > Self.kept { state.happenings.removeFirst() }
            // Evidence is about the past.
            state.note(kind == .evidence ? nil : change.report, of: change.target.id, at: change.observed)
            state.entries[change.target.id]?.last = happening
            if kind == .restarted { state.entries[change.target.id]?.restarts += 1 }
            return Array(state.followers.values)
        }
        for follower in followers {
            follower.yield(.happened(happening))
            follower.yield(.changed(change.target.id))
        }
    }

    /// Takes what plain heartbeats say from now on.
    func note(_ report: TargetReport, of id: TargetID, at now: BootInstant) {
        let followers = state.withLockedValue { state in
            state.note(report, of: id, at: now) ? Array(state.followers.values) : []
        }
        for follower in followers { follower.yield(.changed(id)) }
    }

    /// Takes how a command ended.
    func note(_ result: CommandResult) {
        state.withLockedValue { $0.counts.commands[result.status.rawValue, default: 0] += 1 }
    }

    var counts: Counts { state.withLockedValue { $0.counts } }

    /// All targets, in the order in which they were given.
    var entries: [Entry] { state.withLockedValue { state in state.order.compactMap { state.entries[$0] } } }

    func entry(of id: TargetID) -> Entry? { state.withLockedValue { $0.entries[id] } }

    /// What happened lately, the oldest first.
    var happenings: [Happening] { state.withLockedValue { Array($0.happenings) } }

    /// What is news from now on, until the follower ends. A slow one misses the oldest.
    ///
    /// - Returns: the news, and what ends them.
    func follow() -> (AsyncStream<News>, end: @Sendable () -> Void) {
        let (stream, continuation) = AsyncStream.makeStream(
            of: News.self, bufferingPolicy: .bufferingNewest(Self.backlog))
        let number = state.withLockedValue { state in
            state.lastFollower += 1
            state.followers[state.lastFollower] = continuation
            return state.lastFollower
        }
        continuation.onTermination = { [weak self] _ in
            _ = self?.state.withLockedValue { $0.followers.removeValue(forKey: number) }
        }
        return (stream, { continuation.finish() })
    }
}

extension StatusBoard.State {
    /// - Returns: whether anybody would see a difference.
    @discardableResult
    fileprivate mutating func note(_ report: TargetReport?, of id: TargetID, at now: BootInstant) -> Bool {
        guard var report, let before = entries[id] else { return false }
        report.event = nil
        entries[id]?.report = report
        if before.report.status != report.status { entries[id]?.since = now }
        return before.report.status != report.status || before.report.message != report.message
    }
}

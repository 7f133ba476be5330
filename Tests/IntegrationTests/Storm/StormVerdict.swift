import TestSupport
import WireProtocol

/// What a storm has shown of one target.
struct StormVerdict: Sendable {
    /// The kernel tells an end after those who wait for it (`exit_notify` comes before `proc_exit_connector` in the
    /// kernel's do_exit), and may leave the ending process without a core in between. So a life may seem to reach this
    /// far into the next one; longer is two copies. The copies' own claims know no such doubt.
    private static let lateness = Duration.milliseconds(20)

    /// How long before its end a runner may have told what it has not written down yet.
    private static let unwritten = Duration.milliseconds(500)

    let target: StormTarget
    private(set) var deaths = 0
    private(set) var longestGap = Duration.zero
    /// How much longer than the policy's own wait a gap was at most: what the allowance is for.
    private(set) var longestExcess = Duration.zero
    private(set) var overlaps = 0
    private(set) var faults: [String] = []
    /// Beginnings and ends that a runner's own end swallowed.
    private(set) var untold = 0

    private let lives: [StormRecord.Life]
    private let outages: [StormRecord.Outage]

    init(_ target: StormTarget, _ record: StormRecord, claim: String, _ heartbeats: [Heartbeat]) {
        self.target = target
        lives = record.lives[target.name, default: []]
        outages = record.outages[target.place, default: []]
        deaths = lives.count { $0.ended != nil }
        judgeCopies(claim)
        judgeGaps()
        judgeTelling(StormTelling(of: target.name, in: heartbeats))
    }

    // MARK: What ran

    private mutating func judgeCopies(_ claim: String) {
        for (index, (former, life)) in zip(lives, lives.dropFirst()).enumerated() {
            guard let ended = former.ended else {
                overlaps += 1
                faults.append("life \(index) \(former.inner) still ran when \(life.inner) began")
                continue
            }
            guard ended - life.began > Self.lateness else { continue }
            overlaps += 1
            faults.append("life \(index) \(former.inner) ran \(ended - life.began) beside \(life.inner)")
        }
        if !claim.isEmpty {
            overlaps += 1
            faults.append("copies met another one: \(claim)")
        }
        if lives.last?.ended != nil || lives.isEmpty { faults.append("none runs in the end") }
    }

    private mutating func judgeGaps() {
        for (index, (former, life)) in zip(lives, lives.dropFirst()).enumerated() {
            guard let ended = former.ended else { continue }
            let gap = life.began - ended
            let wait = StormPolicy.longestWait(target, death: index + 1) + delay(by: outages, of: ended, life.began)
            longestGap = max(longestGap, gap)
            longestExcess = max(longestExcess, gap - wait)
            if gap > wait + StormPolicy.allowance {
                faults.append("after life \(index) \(former.inner) none ran for \(gap); the policy says \(wait)")
            }
        }
    }

    /// How much later a restart may come because there was no runner for a while.
    private func delay(
        by outages: [StormRecord.Outage], of death: Duration, _ restart: Duration
    ) -> Duration {
        let last = outages.last { outage in
            guard let ended = outage.ended else { return false }
            return outage.began < restart && ended + StormPolicy.startup > death
        }
        return last?.ended.map { max(.zero, $0 - death) + StormPolicy.startup } ?? .zero
    }

    // MARK: What was told

    private mutating func judgeTelling(_ telling: StormTelling) {
        faults += telling.faults
        // A process that ended before its command's part was over is told as a restart that failed, without its PID.
        guard !target.isStartedByCommand else {
            let swallowed = outages.count
            if telling.ends.count + telling.failures + swallowed < deaths {
                faults.append("of \(deaths) deaths \(telling.ends.count) were told and \(telling.failures) failures")
            }
            return
        }
        compare("ended", lives.filter { $0.ended != nil }, telling.ends) { $0.ended ?? .zero }
        compare("began", Array(lives.dropFirst()), telling.starts, at: \.began)
        for life in lives.dropFirst() where hasSettled(life) && !life.inner.contains(where: telling.up.contains) {
            faults.append("\(life.inner) stayed up and was not told as up")
        }
    }

    /// Whether it was up for longer than the five seconds that count, under one runner.
    private func hasSettled(_ life: StormRecord.Life) -> Bool {
        guard let ended = life.ended else { return true }
        let watched = outages.compactMap(\.ended).filter { $0 < ended }.max().map { max($0, life.began) } ?? life.began
        return ended - watched > .milliseconds(5500) + StormPolicy.startup
    }

    /// Compares what happened with what was told of it: the same, once each, in the same order.
    ///
    /// A runner that is killed in the middle of a start finds a process that it has written down, and can't know whether
    /// it was let become the program. What begins or ends just then is told as a restart that was interrupted; and what
    /// was told and not written down is told again.
    private mutating func compare(
        _ what: String, _ lives: [StormRecord.Life], _ told: [Int32], at time: (StormRecord.Life) -> Duration
    ) {
        var rest = told[...]
        for life in lives {
            let isNearOutage = outages.contains { outage in
                let reach = (outage.began - Self.unwritten)...((outage.ended ?? outage.began) + StormPolicy.startup)
                return reach.contains(time(life))
            }
            if let pid = rest.first, life.inner.contains(pid) {
                rest.removeFirst()
                if isNearOutage, rest.first == pid { rest.removeFirst() }
            } else if isNearOutage {
                untold += 1
            } else {
                faults.append(
                    "\(what): \(life.inner) was not told in its place; told: \(told), \(lives.flatMap(\.inner))")
                return
            }
        }
        if !rest.isEmpty { faults.append("\(what): told of \(rest), which did not happen") }
    }
}

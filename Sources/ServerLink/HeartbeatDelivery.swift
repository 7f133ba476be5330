package import Supervision
import WireProtocol

/// Decides what is sent next, and what a reply means for it. It does no I/O and reads no clock.
///
/// State changes go out in order, one request at a time, until each is taken or set aside. Of plain heartbeats only the
/// latest counts: they are remembered as "due", and filled in when a request has room.
package struct HeartbeatDelivery: Sendable {
    /// What one request is to carry.
    package struct Shipment: Sendable, Hashable {
        package enum Form: Sendable, Hashable {
            case batch
            case single
        }

        package var form: Form
        package var changes: [StateChange]
        /// Targets whose present state goes along.
        package var plain: [TargetID]
        /// It opens this life of the runner.
        package var isFirst: Bool
        /// It closes it.
        package var isLast: Bool

        var count: Int { changes.count + plain.count }
    }

    package enum Step: Sendable, Hashable {
        case send(Shipment)
        /// Nothing to do before this moment, or before news.
        case wait(until: BootInstant?)
        /// The goodbye was said, or can't be.
        case done
    }

    /// Something a person should hear of.
    package enum Notice: Sendable, Hashable {
        case setAside(agent: String, reason: String)
        case merged(agent: String)
        case trouble(String)
        case recovered
        case fallback(String)
    }

    /// For how long single heartbeats are sent to a server that does not know batches.
    package static let fallbackTime = Duration.seconds(3600)
    private static let unauthorizedPause = Duration.seconds(60)

    private var outbox: Outbox
    private var interval: Duration
    private var pacing: RetryPacing
    private var targets: [WatchedTarget]
    private var places: [TargetID: Int]
    /// Whose present state is to be told, by their places among the targets.
    private var isDue: [Bool]
    /// Where the search for the next one begins: many requests make one round, in the order of the command line.
    private var cursor = 0
    private var nextRound: BootInstant
    private var notBefore: BootInstant?
    private var singleUntil: BootInstant?
    private var chunk = WireLimits.batchItems
    private var hasOpened = false
    private var isClosing = false
    private var hasClosed = false
    /// Of this time without a server.
    private var troubles = Troubles()
    /// What was delivered or set aside since it was last asked for.
    private var gone: [Int64] = []
    /// How many changes were refused for good.
    package private(set) var setAside = 0

    package init(
        targets: [WatchedTarget], interval: Duration, outbox: Outbox = Outbox(), now: BootInstant,
        seed: UInt64
    ) {
        self.targets = targets
        places = Dictionary(zip(targets.map(\.id), targets.indices)) { first, _ in first }
        isDue = targets.map { _ in false }
        self.interval = interval
        self.outbox = outbox
        pacing = RetryPacing(seed: seed)
        nextRound = now.advanced(by: interval)
    }

    /// Takes what the targets are from now on. Changes of others stay in the outbox.
    package mutating func retarget(_ new: [WatchedTarget], interval: Duration, at now: BootInstant) {
        let due = Set(zip(targets, isDue).compactMap { $1 ? $0.id : nil })
        targets = new
        places = Dictionary(zip(new.map(\.id), new.indices)) { first, _ in first }
        isDue = new.map { due.contains($0.id) }
        cursor = 0
        nextRound = min(nextRound, now.advanced(by: interval))
        self.interval = interval
    }

    /// State changes that were neither taken nor refused.
    var undelivered: Int { outbox.changes.count }

    // MARK: - News

    /// A state changed: it goes out at once.
    package mutating func add(_ change: StateChange) -> [Notice] {
        outbox.append(change).map { [.merged(agent: $0.agent)] } ?? []
    }

    /// What a plain heartbeat says of this target is news.
    package mutating func touch(_ target: TargetID) {
        setDue(target, true)
    }

    /// The runner ends: what is left goes out once more, then the goodbye.
    package mutating func close(at now: BootInstant) {
        isClosing = true
        isDue = targets.map { _ in false }
        // A last try, whatever the pace was.
        notBefore = nil
    }

    // MARK: - What next

    package mutating func next(at now: BootInstant) -> Step {
        if hasClosed { return .done }
        if !isClosing, now >= nextRound {
            isDue = targets.map { _ in true }
            cursor = 0
            // Rounds that were slept through are not made up for. The interval times a Double would lose the rhythm.
            let missed = nextRound.duration(to: now) / interval
            nextRound = nextRound.advanced(by: interval * (Int(missed.rounded(.down)) + 1))
        }
        if let notBefore, now < notBefore { return .wait(until: notBefore) }
        if let singleUntil, now >= singleUntil { self.singleUntil = nil }
        let isSingle = singleUntil != nil
        let room = isSingle ? 1 : chunk
        let changes = outbox.first(room)
        let plain = due(room - changes.count, besides: changes)
        let isEmpty = changes.isEmpty && plain.isEmpty
        if isClosing, isSingle, isEmpty { return .done }
        guard !isEmpty || isClosing else { return .wait(until: nextRound) }
        return .send(
            Shipment(
                form: isSingle ? .single : .batch, changes: changes, plain: plain, isFirst: !hasOpened,
                isLast: isClosing && changes.count < room))
    }

    // MARK: - What came of it

    /// Takes the verdict on a shipment that `next` asked for.
    package mutating func settle(
        _ shipment: Shipment, _ verdict: ReplyVerdict, at now: BootInstant
    ) -> [Notice] {
        switch verdict {
        case .taken(let body):
            // Each change must be answered for: an answer that says nothing of them has not taken them.
            let isToBeRead = (shipment.form == .batch && !shipment.changes.isEmpty) || body.mayHoldFalse
            let results = isToBeRead ? Self.results(shipment.form, body) : []
            if shipment.form == .batch, !shipment.changes.isEmpty, results.count != shipment.count {
                return postponed(
                    "an answer with \(results.count) results to \(shipment.count) heartbeats: is this a ClevAgent server?",
                    nil, at: now)
            }
            return taken(shipment, results)
        case .refused(let reason):
            return refused(shipment, reason)
        case .unknownPath(let reason, _):
            guard shipment.form == .batch else { return postponed(reason, nil, at: now) }
            singleUntil = now.advanced(by: Self.fallbackTime)
            return [.fallback(reason)]
        case .later(let reason, let asked):
            return postponed(reason, asked, at: now)
        case .unauthorized(let reason):
            pacing.reset()
            return postponed("\(reason); \(ReplyVerdict.keyAdvice)", Self.unauthorizedPause, at: now)
        }
    }

    private mutating func taken(_ shipment: Shipment, _ results: [LenientBatchAnswer.Item]) -> [Notice] {
        pacing.reset()
        notBefore = nil
        chunk = min(WireLimits.batchItems, chunk * 2)
        if shipment.form == .batch { hasOpened = true }
        if shipment.isLast { hasClosed = true }
        var notices: [Notice] = []
        if troubles.areTold {
            troubles.clear()
            notices.append(.recovered)
        }
        for (index, change) in shipment.changes.enumerated() where results.indices.contains(index) {
            guard let refusal = results[index].refusal else { continue }
            setAside += 1
            notices.append(.setAside(agent: change.target.agent, reason: refusal))
        }
        for (index, target) in shipment.plain.enumerated() {
            let position = shipment.changes.count + index
            guard results.indices.contains(position), let refusal = results[position].refusal else { continue }
            notices.append(.setAside(agent: agent(of: target), reason: refusal))
        }
        forget(shipment)
        return notices
    }

    private mutating func refused(_ shipment: Shipment, _ reason: String) -> [Notice] {
        if shipment.count > 1 {
            chunk = max(1, shipment.count / 2)
            return []
        }
        forget(shipment)
        // Carefully: a server that refuses everything gets two requests an item, not seven.
        chunk = min(WireLimits.batchItems, chunk * 2)
        // A goodbye that took a bad item along is still to be said.
        if shipment.isLast, shipment.count == 0 { hasClosed = true }
        if let change = shipment.changes.first {
            setAside += 1
            return [.setAside(agent: change.target.agent, reason: reason)]
        }
        let refused = shipment.plain.first.map { agent(of: $0) }
        return [.setAside(agent: refused ?? "the runner", reason: reason)]
    }

    private mutating func postponed(_ reason: String, _ asked: Duration?, at now: BootInstant) -> [Notice] {
        if isClosing { hasClosed = true }
        notBefore = now.advanced(by: pacing.delay(asked: asked))
        return troubles.isNew(reason) ? [.trouble(reason)] : []
    }

    private mutating func forget(_ shipment: Shipment) {
        if !shipment.changes.isEmpty {
            let seqs = shipment.changes.map(\.seq)
            outbox.remove(seqs: Set(seqs))
            gone += seqs
        }
        for target in shipment.plain { setDue(target, false) }
        if let last = shipment.plain.last, let place = places[last] { cursor = place + 1 }
        // A change says all that a plain heartbeat would.
        for change in shipment.changes where change.tellsState { setDue(change.target.id, false) }
    }

    /// The changes that need not be kept any more, each once.
    package mutating func takeGone() -> [Int64] {
        defer { gone = [] }
        return gone
    }

    // MARK: - Who is due

    /// Where a target stands among those that it was made for.
    func place(of target: TargetID) -> Int? { places[target] }

    private mutating func setDue(_ target: TargetID, _ value: Bool) {
        if let place = places[target] { isDue[place] = value }
    }

    private func due(_ room: Int, besides changes: [StateChange]) -> [TargetID] {
        let told = Set(changes.filter(\.tellsState).map(\.target.id))
        let order = [isDue.indices.dropFirst(cursor), isDue.indices.prefix(cursor)].joined()
        return Array(
            order.lazy.filter { isDue[$0] }.map { targets[$0].id }.filter { !told.contains($0) }.prefix(max(0, room)))
    }

    private func agent(of target: TargetID) -> String {
        places[target].map { targets[$0].agent } ?? "\(target)"
    }

    private static func results(_ form: Shipment.Form, _ body: [UInt8]) -> [LenientBatchAnswer.Item] {
        switch form {
        case .batch: WireJSON.decode(LenientBatchAnswer.self, from: body)?.results ?? []
        case .single: WireJSON.decode(LenientBatchAnswer.Item.self, from: body).map { [$0] } ?? []
        }
    }
}

extension [UInt8] {
    /// Whether there can be a refusal in it: JSON has one way to write `false`, and few answers have one to be read for.
    fileprivate var mayHoldFalse: Bool {
        let word: StaticString = "false"
        var matched = 0
        for byte in self {
            // No part of the word but its first letter begins it anew.
            matched = byte == word.utf8Start[matched] ? matched + 1 : byte == word.utf8Start[0] ? 1 : 0
            if matched == word.utf8CodeUnitCount { return true }
        }
        return false
    }
}

/// The answer to a batch, read for refusals: an item that is not as it should be is not a refusal.
private struct LenientBatchAnswer: Decodable {
    struct Item: Decodable {
        /// Why the server did not take it; nil when it did.
        var refusal: String?

        private enum CodingKeys: CodingKey {
            case ok, error
        }

        init(from decoder: any Decoder) throws {
            guard let container = try? decoder.container(keyedBy: CodingKeys.self),
                (try? container.decode(Bool.self, forKey: .ok)) == false
            else { return }
            refusal =
                (try? container.decode(String.self, forKey: .error)).map { PeerWords.line($0) }
                ?? "refused without a reason"
        }
    }

    var results: [Item]

    private enum CodingKeys: CodingKey {
        case results
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        results = (try? container.decode([Item].self, forKey: .results)) ?? []
    }
}

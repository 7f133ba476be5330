import ServerLink
import Supervision
import Testing
import WireProtocol

/// A delivery with a clock that stands still until told, for tests that read like the story of a server.
struct DeliveryBench {
    static let interval = Duration.seconds(30)

    var delivery: HeartbeatDelivery
    var now = BootInstant(sinceBoot: .seconds(10_000))
    /// What was to be said after the last event.
    var notices: [HeartbeatDelivery.Notice] = []
    private var lastSeq: Int64 = 0

    init(agents: Int = 3, outbox: Outbox = Outbox()) {
        delivery = HeartbeatDelivery(
            targets: (1...agents).map { .bot($0) }, interval: Self.interval, outbox: outbox, now: now,
            seed: 1)
    }

    /// A change of one agent's state.
    mutating func change(_ bots: Int...) {
        notices = []
        for bot in bots {
            lastSeq += 1
            notices += delivery.add(.change(lastSeq, of: bot))
        }
    }

    /// News of how one agent's former process ended.
    mutating func evidence(_ bot: Int) {
        lastSeq += 1
        notices = delivery.add(.change(lastSeq, of: bot, .evidence))
    }

    mutating func pass(_ time: Duration) {
        now = now.advanced(by: time)
    }

    mutating func next() -> HeartbeatDelivery.Step {
        delivery.next(at: now)
    }

    /// What is to be sent now.
    mutating func shipment(sourceLocation: SourceLocation = #_sourceLocation) throws -> HeartbeatDelivery.Shipment {
        let step = next()
        guard case .send(let shipment) = step else {
            throw Unexpected(description: "\(step) instead of a shipment", at: sourceLocation)
        }
        return shipment
    }

    /// For how long nothing is to be sent; nil when only news ends the wait.
    mutating func pause(sourceLocation: SourceLocation = #_sourceLocation) throws -> Duration? {
        let step = next()
        guard case .wait(let moment) = step else {
            throw Unexpected(description: "\(step) instead of a wait", at: sourceLocation)
        }
        return moment.map { now.duration(to: $0) }
    }

    mutating func settle(_ shipment: HeartbeatDelivery.Shipment, _ verdict: ReplyVerdict) {
        let items = Array(repeating: #"{"ok": true}"#, count: shipment.bots.count).joined(separator: ", ")
        notices = delivery.settle(shipment, verdict == .taken ? .results("[\(items)]") : verdict, at: now)
    }

    /// Sends what is to be sent now and has it answered.
    @discardableResult
    mutating func exchange(
        _ verdict: ReplyVerdict = .taken, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> HeartbeatDelivery.Shipment {
        let shipment = try shipment(sourceLocation: sourceLocation)
        settle(shipment, verdict)
        return shipment
    }

    /// Goes on sending to a server that refuses every request with one of these agents in it, and takes the others.
    mutating func drain(refusing bad: Set<Int>) throws -> (delivered: [String], requests: Int) {
        var delivered: [String] = []
        var requests = 0
        var told: [HeartbeatDelivery.Notice] = []
        while case .send(let shipment) = next() {
            requests += 1
            let bots = shipment.bots
            let isBad = bots.contains { name in bad.contains { "bot-\($0)" == name } }
            settle(shipment, isBad ? .refused("HTTP 422: no") : .taken)
            told += notices
            if !isBad { delivered += bots }
            guard requests < 10_000 else { throw Unexpected(description: "it goes on and on", at: #_sourceLocation) }
        }
        notices = told
        return (delivered, requests)
    }

    struct Unexpected: Error, CustomStringConvertible {
        var description: String

        init(description: String, at location: SourceLocation) {
            self.description = "\(description) (\(location))"
        }
    }
}

extension ReplyVerdict {
    /// Each item was taken.
    static let taken = ReplyVerdict.taken(Array(#"{"ok": true}"#.utf8))

    /// A batch's answer with these results.
    static func results(_ json: String) -> ReplyVerdict {
        .taken(Array(#"{"ok": true, "results": \#(json)}"#.utf8))
    }
}

extension HeartbeatDelivery.Shipment {
    /// The agents it tells of, in order.
    var bots: [String] { changes.map(\.target.agent) + plainBots }

    var plainBots: [String] { plain.map { $0.name.dropFirst("/run/".count).dropLast(".pid".count) }.map(String.init) }

    var seqs: [Int64] { changes.map(\.seq) }
}

extension WatchedTarget {
    static func bot(_ number: Int) -> WatchedTarget {
        WatchedTarget(id: TargetID(kind: .process, name: "/run/bot-\(number).pid"), agent: "bot-\(number)")
    }
}

extension StateChange {
    static func change(_ seq: Int64, of bot: Int, _ kind: HeartbeatEvent.Kind = .died) -> StateChange {
        StateChange(
            seq: seq, target: .bot(bot),
            report: TargetReport(status: .error, message: "change \(seq)", event: HeartbeatEvent(kind: kind)),
            observed: BootInstant(sinceBoot: .seconds(9000)), eventID: "r:\(seq)")
    }
}

package import Logging
import ServiceLifecycle
package import Supervision
package import SystemSupport
package import WireProtocol

/// Tells the server how the targets are: every change at once and in order, everything once an interval.
///
/// It starts when every target has been looked at once, or after a second, and says goodbye at the end.
package actor HeartbeatService<C: Clock>: Service where C.Instant == BootInstant {
    package struct Configuration: Sendable {
        package var targets: [WatchedTarget]
        package var interval: Duration
        package var runner: RunnerInfo
        /// Not smaller than any `seq` used before.
        package var seq: Int64
        /// What an earlier runner could not deliver.
        package var outbox: Outbox

        package init(
            targets: [WatchedTarget], interval: Duration, runner: RunnerInfo, seq: Int64, outbox: Outbox = Outbox()
        ) {
            self.targets = targets
            self.interval = interval
            self.runner = runner
            self.seq = seq
            self.outbox = outbox
        }
    }

    /// How long the first heartbeat waits for targets that were not looked at yet.
    package static var patience: Duration { .seconds(1) }
    /// How long what is left and the goodbye may take, all together.
    private static var lastTime: Duration { .seconds(5) }
    /// How long one request may take.
    private static var timeLimit: Duration { .seconds(20) }

    private var configuration: Configuration
    private let transport: any ServerTransport
    private let forget: @Sendable ([Int64]) -> Void
    private let caughtUp: @Sendable () -> Void
    /// More changes waited than one request takes.
    private var isBehind = false
    private let farewell: Farewell<C>
    private let clock: C
    private let civilTime: @Sendable () -> WireTime
    private let logger: Logger
    private let signal = WakeSignal()
    package nonisolated let pulse = Pulse("heartbeats")
    /// Raised once: every target was looked at, and the server has taken a heartbeat.
    package nonisolated let ready = WakeSignal()
    private var lastTaken: BootInstant?
    /// Why the server takes nothing at present.
    private var trouble: String?
    private var deliveries = LatencyHistogram()

    private var delivery: HeartbeatDelivery
    /// What a plain heartbeat says of each target, in their order.
    private var latest: [TargetReport]
    private var unseen: Set<TargetID>
    private var lastSeq: Int64
    /// When the last words must have been said; nil before the end.
    private var lastMoment: BootInstant?
    private var hasClosed = false
    private var troubles = Troubles()
    private let started: BootInstant

    /// - Parameters:
    ///   - forget: writes down that these changes need not be kept any more.
    ///   - caughtUp: called when all is told that had to wait, if it was much.
    ///   - civilTime: what people and the wire see; no decision depends on it.
    package init(
        configuration: Configuration, transport: any ServerTransport, farewell: Farewell<C>, clock: C,
        civilTime: @escaping @Sendable () -> WireTime, logger: Logger, seed: UInt64,
        caughtUp: @escaping @Sendable () -> Void = {}, forget: @escaping @Sendable ([Int64]) -> Void
    ) {
        self.caughtUp = caughtUp
        self.configuration = configuration
        self.transport = transport
        self.farewell = farewell
        self.clock = clock
        self.civilTime = civilTime
        self.logger = logger
        self.forget = forget
        started = clock.now
        delivery = HeartbeatDelivery(
            targets: configuration.targets, interval: configuration.interval, outbox: configuration.outbox,
            now: clock.now, seed: seed)
        lastSeq = configuration.seq
        latest = configuration.targets.map(Self.unseenReport)
        unseen = Set(configuration.targets.map(\.id))
    }

    /// Takes a change, which is on the disk. Returns before it is sent.
    package func tell(_ change: StateChange) {
        lastSeq = max(lastSeq, change.seq)
        say(delivery.add(change))
        if let place = delivery.place(of: change.target.id) { replace(change.report, at: place) }
        signal.raise()
    }

    /// Takes what plain heartbeats are to say of a target. Returns before it is sent.
    package func tell(_ report: TargetReport, of id: TargetID) {
        guard let place = delivery.place(of: id) else { return }
        let before = replace(report, at: place)
        // Memory alone can wait for the next round.
        guard before?.status != report.status || before?.message != report.message else { return }
        delivery.touch(id)
        signal.raise()
    }

    /// - Returns: what was told of it before; nil the first time.
    @discardableResult
    private func replace(_ report: TargetReport, at place: Int) -> TargetReport? {
        let before = unseen.remove(configuration.targets[place].id) == nil ? latest[place] : nil
        latest[place] = report
        if before == nil { tellReady() }
        return before
    }

    /// Takes what the targets are from now on, and how often all is told. What is left of others goes out all the same.
    package func retarget(_ targets: [WatchedTarget], interval: Duration) {
        let known = Dictionary(
            zip(configuration.targets.map(\.id), latest).filter { !unseen.contains($0.0) }
        ) { first, _ in first }
        configuration.targets = targets
        configuration.interval = interval
        latest = targets.map { known[$0.id] ?? Self.unseenReport($0) }
        unseen = Set(targets.map(\.id)).subtracting(known.keys)
        delivery.retarget(targets, interval: interval, at: clock.now)
        signal.raise()
    }

    private static func unseenReport(_ target: WatchedTarget) -> TargetReport {
        TargetReport(status: .warning, message: "\(target.agent) was not looked at yet")
    }

    package func run() async throws {
        await withGracefulShutdownHandler {
            await waitForFirstLook()
            while !Task.isCancelled {
                let now = clock.now
                if let lastMoment {
                    guard now < lastMoment else { return }
                    closeOnce()
                }
                switch delivery.next(at: now) {
                case .send(let shipment):
                    pulse.promise(now.advanced(by: Self.timeLimit))
                    await send(shipment)
                case .wait(let moment):
                    pulse.promise(moment)
                    await signal.wait(until: moment, clock: clock)
                case .done: return
                }
            }
        } onGracefulShutdown: {
            // Nobody needs to await it: it only sets a flag and raises the signal.
            Task { await self.beginClosing() }
        }
    }

    // MARK: - How it stands

    /// What the way to the server is like.
    package struct Standing: Sendable, Hashable {
        /// When the server last took a heartbeat.
        package var lastTaken: BootInstant?
        /// Why it takes none at present; nil when it does.
        package var trouble: String?
        /// State changes that it has not taken yet.
        package var undelivered: Int
        /// How long changes took from when they happened until it took them.
        package var deliveries: LatencyHistogram
    }

    package var standing: Standing {
        Standing(lastTaken: lastTaken, trouble: trouble, undelivered: delivery.undelivered, deliveries: deliveries)
    }

    // MARK: - Sending

    private func waitForFirstLook() async {
        let patience = started.advanced(by: Self.patience)
        while !unseen.isEmpty, clock.now < patience, lastMoment == nil, !Task.isCancelled {
            await signal.wait(until: patience, clock: clock)
        }
    }

    private func tellReady() {
        if lastTaken != nil, unseen.isEmpty { ready.raise() }
    }

    private func beginClosing() {
        lastMoment = farewell.deadline(atMost: Self.lastTime)
        signal.raise()
    }

    private func closeOnce() {
        guard !hasClosed else { return }
        hasClosed = true
        delivery.close(at: clock.now)
    }

    private func send(_ shipment: HeartbeatDelivery.Shipment) async {
        var verdict: ReplyVerdict
        do {
            verdict = ReplyVerdict(await reply(to: try request(for: shipment)))
        } catch {
            verdict = .refused("\(error)")
        }
        if case .taken = verdict {
            troubles.clear()
            trouble = nil
            let now = clock.now
            lastTaken = now
            for change in shipment.changes { deliveries.add(seconds: change.observed.duration(to: now).wireSeconds) }
            tellReady()
        }
        say(delivery.settle(shipment, verdict, at: clock.now))
        isBehind = isBehind || delivery.undelivered > WireLimits.batchItems
        if isBehind, delivery.undelivered == 0 {
            isBehind = false
            caughtUp()
        }
        let gone = delivery.takeGone()
        if !gone.isEmpty { forget(gone) }
    }

    /// Sends a request. One that hangs when the runner is told to stop is given up soon, so that there is time for a
    /// last try: what it carried goes out again then, under the same `event_id`.
    private func reply(to request: ServerRequest) async -> ServerReply {
        guard lastMoment == nil else { return await transport.send(request) }
        return await withTaskGroup(of: ServerReply?.self) { [transport, farewell, clock] group in
            group.addTask { await transport.send(request) }
            group.addTask {
                do {
                    try await gracefulShutdown()
                    let now = clock.now
                    let left = now.duration(to: farewell.deadline(atMost: Self.lastTime))
                    try await clock.sleep(until: now.advanced(by: left * 2 / 5), tolerance: nil)
                } catch {}
                return nil
            }
            defer { group.cancelAll() }
            // The second ends only after the first, or with the time.
            return await group.next().flatMap { $0 } ?? .unreachable("no answer before the runner's end")
        }
    }

    private struct TooLarge: Error, CustomStringConvertible {
        var description: String { "the request would be larger than \(WireLimits.batchBytes) bytes" }
    }

    private func request(for shipment: HeartbeatDelivery.Shipment) throws -> ServerRequest {
        let now = clock.now
        let sent = civilTime()
        var heartbeats = shipment.changes.map { heartbeat(of: $0, now: now, sent: sent) }
        for id in shipment.plain {
            guard let place = delivery.place(of: id) else { continue }
            heartbeats.append(heartbeat(configuration.targets[place], latest[place], seq: lastSeq))
        }
        // A goodbye to a server that is slow to answer must not hold up the end.
        let limit = lastMoment.map { now.duration(to: $0) } ?? Self.timeLimit
        if shipment.form == .single, var heartbeat = heartbeats.first {
            heartbeat.sentAt = sent
            return ServerRequest(.post, WirePath.heartbeat, body: heartbeat.jsonBytes(), timeLimit: limit)
        }
        var runner = configuration.runner
        runner.state = shipment.isLast ? .stopping : shipment.isFirst ? .starting : .running
        runner.reason = shipment.isLast ? "the runner was told to stop" : nil
        let body = HeartbeatBatch(heartbeats: heartbeats, sentAt: sent, runner: runner)
            .jsonBytes(reservingCapacity: 256 * (1 + heartbeats.count))
        guard body.count <= WireLimits.batchBytes else { throw TooLarge() }
        return ServerRequest(.post, WirePath.batch, body: body, timeLimit: limit)
    }

    private func heartbeat(of change: StateChange, now: BootInstant, sent: WireTime) -> Heartbeat {
        var heartbeat = heartbeat(change.target, change.report, seq: change.seq)
        heartbeat.eventID = change.eventID
        heartbeat.event = change.report.event
        heartbeat.observedAt = sent.advanced(by: now.duration(to: change.observed))
        if change.merged > 0, let message = heartbeat.message {
            heartbeat.message = "\(message) (and \(change.merged) earlier changes that there was no room for)"
        }
        return heartbeat
    }

    private func heartbeat(_ target: WatchedTarget, _ report: TargetReport, seq: Int64) -> Heartbeat {
        Heartbeat(
            agent: target.agent, status: report.status,
            message: report.message.map { String($0.prefix(WireLimits.message)) },
            memoryMB: report.memoryMB, restartType: target.id.kind.rawValue, restartTarget: target.id.name,
            interval: configuration.interval.wireSeconds, seq: seq)
    }

    // MARK: - Telling

    private func say(_ notices: [HeartbeatDelivery.Notice]) {
        for notice in notices {
            switch notice {
            case .setAside(let agent, let reason):
                guard troubles.isNew("set aside \(agent) \(reason)") else { continue }
                logger.warning(
                    "The server refused a heartbeat for good", metadata: ["agent": "\(agent)", "reason": "\(reason)"])
            case .merged(let agent):
                guard troubles.isNew("merged \(agent)") else { continue }
                logger.warning(
                    "Undelivered state changes were merged for want of room", metadata: ["agent": "\(agent)"])
            case .trouble(let reason):
                trouble = reason
                logger.warning(
                    "The server does not take heartbeats; they are kept and sent again",
                    metadata: ["reason": "\(reason)"])
            case .recovered:
                logger.notice("The server takes heartbeats again")
            case .fallback(let reason):
                logger.notice(
                    "The server does not know batches; single heartbeats are sent for an hour",
                    metadata: ["reason": "\(reason)"])
            }
        }
    }
}

package import Logging
import ServiceLifecycle
package import Supervision
import SystemSupport
package import WireProtocol

/// Tells the server how the targets are: every change at once and in order, everything once an interval.
///
/// It starts when every target has been looked at once, or after a second, and says goodbye at the end.
package actor HeartbeatService<C: Clock>: Service where C.Instant == BootInstant {
    package struct Configuration: Sendable {
        package var targets: [WatchedTarget]
        package var interval: Duration
        package var runner: RunnerInfo
        /// Larger than every `seq` used before.
        package var firstSeq: Int64

        package init(targets: [WatchedTarget], interval: Duration, runner: RunnerInfo, firstSeq: Int64) {
            self.targets = targets
            self.interval = interval
            self.runner = runner
            self.firstSeq = firstSeq
        }
    }

    /// How long the first heartbeat waits for targets that were not looked at yet.
    package static var patience: Duration { .seconds(1) }
    /// How long what is left and the goodbye may take, all together.
    private static var lastTime: Duration { .seconds(5) }
    /// How many numbers are reserved at a time.
    private static var seqBlock: Int64 { 1000 }

    private let configuration: Configuration
    private let transport: any ServerTransport
    private let reserve: @Sendable (Int64) async -> Void
    private let farewell: Farewell<C>
    private let clock: C
    private let civilTime: @Sendable () -> WireTime
    private let logger: Logger
    private let signal = WakeSignal()

    private var delivery: HeartbeatDelivery
    /// What a plain heartbeat says of each target, in their order.
    private var latest: [TargetReport]
    private var unseen: Set<TargetID>
    private var lastSeq: Int64
    private var reservedSeq: Int64
    /// When the last words must have been said; nil before the end.
    private var lastMoment: BootInstant?
    private var hasClosed = false
    private var troubles = Troubles()
    private let started: BootInstant

    /// - Parameters:
    ///   - reserve: writes down that numbers up to this one may have been used.
    ///   - civilTime: what people and the wire see; no decision depends on it.
    package init(
        configuration: Configuration, transport: any ServerTransport, farewell: Farewell<C>, clock: C,
        civilTime: @escaping @Sendable () -> WireTime, logger: Logger, seed: UInt64,
        reserve: @escaping @Sendable (Int64) async -> Void
    ) {
        self.configuration = configuration
        self.transport = transport
        self.farewell = farewell
        self.clock = clock
        self.civilTime = civilTime
        self.logger = logger
        self.reserve = reserve
        started = clock.now
        delivery = HeartbeatDelivery(
            targets: configuration.targets, interval: configuration.interval, now: clock.now, seed: seed)
        lastSeq = configuration.firstSeq
        reservedSeq = configuration.firstSeq
        latest = configuration.targets.map {
            TargetReport(status: .warning, message: "\($0.agent) was not looked at yet")
        }
        unseen = Set(configuration.targets.map(\.id))
    }

    /// Takes what is to be told of a target. Returns before it is sent.
    package func tell(_ report: TargetReport, of id: TargetID, at observed: BootInstant) async {
        guard let place = delivery.place(of: id) else { return }
        let target = configuration.targets[place]
        let before = unseen.remove(id) == nil ? latest[place] : nil
        latest[place] = report
        if report.event == nil {
            // Memory alone can wait for the next round.
            guard before?.status != report.status || before?.message != report.message else { return }
            delivery.touch(id)
        } else {
            lastSeq += 1
            let change = StateChange(
                seq: lastSeq, target: target, report: report, observed: observed,
                eventID: "\(configuration.runner.id):\(lastSeq)")
            say(delivery.add(change))
        }
        signal.raise()
        // Long before they are used up: what is sent now must be below what is on the disk.
        if lastSeq + Self.seqBlock / 2 >= reservedSeq { await reserveBlock() }
    }

    /// Ahead by many, so that one write to the disk serves many changes.
    private func reserveBlock() async {
        reservedSeq = lastSeq + Self.seqBlock
        await reserve(reservedSeq)
    }

    package func run() async throws {
        await withGracefulShutdownHandler {
            await reserveBlock()
            await waitForFirstLook()
            while !Task.isCancelled {
                let now = clock.now
                if let lastMoment {
                    guard now < lastMoment else { return }
                    closeOnce()
                }
                switch delivery.next(at: now) {
                case .send(let shipment): await send(shipment)
                case .wait(let moment): await signal.wait(until: moment, clock: clock)
                case .done: return
                }
            }
        } onGracefulShutdown: {
            // Nobody needs to await it: it only sets a flag and raises the signal.
            Task { await self.beginClosing() }
        }
    }

    // MARK: - Sending

    private func waitForFirstLook() async {
        let patience = started.advanced(by: Self.patience)
        while !unseen.isEmpty, clock.now < patience, lastMoment == nil, !Task.isCancelled {
            await signal.wait(until: patience, clock: clock)
        }
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
        if case .taken = verdict { troubles.clear() }
        say(delivery.settle(shipment, verdict, at: clock.now))
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
        let limit = lastMoment.map { now.duration(to: $0) } ?? .seconds(20)
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

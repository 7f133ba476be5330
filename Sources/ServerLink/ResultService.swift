package import Logging
import ServiceLifecycle
package import Supervision
package import SystemSupport
import WireProtocol

/// Tells the server how commands ended, until it has taken each result or refused it for good.
package struct ResultService<C: Clock>: Service where C.Instant == BootInstant {
    /// How long the results that are left may take at the end, all together.
    private static var lastTime: Duration { .seconds(2) }

    private let transport: any ServerTransport
    private let desk: CommandDesk
    private let signal: WakeSignal
    private let farewell: Farewell<C>
    private let clock: C
    private let logger: Logger
    private let seed: UInt64

    /// - Parameter signal: the one that the desk raises.
    package init(
        transport: any ServerTransport, desk: CommandDesk, signal: WakeSignal, farewell: Farewell<C>, clock: C,
        logger: Logger, seed: UInt64
    ) {
        self.transport = transport
        self.desk = desk
        self.signal = signal
        self.farewell = farewell
        self.clock = clock
        self.logger = logger
        self.seed = seed
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var pacing = RetryPacing(seed: seed)
            var troubles = Troubles()
            while !Task.isCancelled {
                guard let (key, result) = await desk.nextResult(skipping: []) else {
                    await signal.wait()
                    continue
                }
                switch await tell(key, result, within: .seconds(20)) {
                case .taken:
                    pacing.reset()
                    troubles.clear()
                    await desk.reported(key)
                case .refused(let reason), .unknownPath(let reason, saidByServer: true):
                    logger.warning(
                        "The server refused a command's result for good",
                        metadata: ["command": "\(key.id)", "reason": "\(reason)"])
                    await desk.reported(key)
                case .later(let reason, let asked):
                    await pause(until: pacing.delay(asked: asked), reason, &troubles)
                case .unknownPath(let reason, saidByServer: false):
                    await pause(until: pacing.delay(asked: nil), reason, &troubles)
                case .unauthorized(let reason):
                    await pause(until: .seconds(60), reason, &troubles)
                }
            }
        }
        await flush()
    }

    private func pause(until delay: Duration, _ reason: String, _ troubles: inout Troubles) async {
        if !Task.isCancelled, troubles.isNew(reason) {
            logger.warning(
                "The server does not take a command's result; it is sent again", metadata: ["reason": "\(reason)"])
        }
        try? await clock.sleep(until: clock.now.advanced(by: delay), tolerance: nil)
    }

    /// At the end, every result that is left is tried once more; what is not taken is told by the next runner.
    private func flush() async {
        let deadline = farewell.deadline(atMost: Self.lastTime, leaving: Farewell<C>.least)
        var tried: Set<CommandKey> = []
        while let (key, result) = await desk.nextResult(skipping: tried) {
            let left = clock.now.duration(to: deadline)
            guard left > .zero else { return }
            tried.insert(key)
            switch await tell(key, result, within: left) {
            case .taken, .refused, .unknownPath(_, saidByServer: true): await desk.reported(key)
            case .later, .unknownPath(_, saidByServer: false), .unauthorized: return
            }
        }
    }

    private func tell(_ key: CommandKey, _ result: CommandResult, within limit: Duration) async -> ReplyVerdict {
        do {
            let body = try WireJSON.encode(result)
            return ReplyVerdict(
                await transport.send(ServerRequest(.post, WirePath.result(of: key.id), body: body, timeLimit: limit)))
        } catch {
            return .refused("\(error)")
        }
    }
}

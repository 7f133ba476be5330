package import Logging
import ServiceLifecycle
package import Supervision
package import SystemSupport
import WireProtocol

/// Asks the server for commands by long polls and hands the new ones on.
package struct CommandService<C: Clock>: Service where C.Instant == BootInstant {
    /// Seconds that a poll asks the server to hold it.
    private static var wait: Int { 55 }
    private static var timeLimit: Duration { .seconds(70) }

    private let transport: any ServerTransport
    private let desk: CommandDesk
    private let clock: C
    private let logger: Logger
    private let seed: UInt64
    private let carryOut: @Sendable (TargetID, CommandTicket) -> Void
    package let pulse = Pulse("commands")

    /// - Parameter carryOut: gives a command to its target; returns at once.
    package init(
        transport: any ServerTransport, desk: CommandDesk, clock: C, logger: Logger, seed: UInt64,
        carryOut: @escaping @Sendable (TargetID, CommandTicket) -> Void
    ) {
        self.transport = transport
        self.desk = desk
        self.clock = clock
        self.logger = logger
        self.seed = seed
        self.carryOut = carryOut
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var pacing = PollPacing(seed: seed)
            var troubles = Troubles()
            while !Task.isCancelled {
                let began = clock.now
                pulse.promise(began.advanced(by: Self.timeLimit))
                let reply = await transport.send(
                    ServerRequest(.get, "\(WirePath.commands)?wait=\(Self.wait)", timeLimit: Self.timeLimit))
                if Task.isCancelled { return }
                let next: BootInstant
                if case .answer(let status, _, let body) = reply, (200..<300).contains(status) {
                    if troubles.areTold { logger.notice("The server answers command polls again") }
                    troubles.clear()
                    let (tickets, hadNews) = await desk.receive(CommandOffer(reading: body), at: clock.now)
                    for (id, ticket) in tickets { carryOut(id, ticket) }
                    next = pacing.answered(began: began, now: clock.now, hadNews: hadNews)
                } else {
                    let failure = PollFailure(reply)
                    if troubles.isNew(failure.reason) {
                        logger.warning("Commands can't be asked for", metadata: ["reason": "\(failure.reason)"])
                    }
                    next = pacing.failed(
                        now: clock.now, asked: failure.asked, isUnauthorized: failure.isUnauthorized)
                }
                pulse.promise(next)
                if next > clock.now { try? await clock.sleep(until: next, tolerance: nil) }
            }
        }
    }
}

/// Why a poll brought nothing.
private struct PollFailure {
    var reason: String
    var asked: Duration?
    var isUnauthorized = false

    init(_ reply: ServerReply) {
        switch ReplyVerdict(reply) {
        case .taken: reason = "an answer that is no answer to a poll"
        case .refused(let words), .unknownPath(let words, _): reason = words
        case .later(let words, let after): (reason, asked) = (words, after)
        case .unauthorized(let words): (reason, isUnauthorized) = (words, true)
        }
    }
}

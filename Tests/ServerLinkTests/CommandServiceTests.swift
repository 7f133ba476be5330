import InMemoryLogging
import Logging
import ServerLink
import Supervision
import SystemSupport
import TestSupport
import Testing
import WireProtocol

@Suite(.timeLimit(.minutes(1))) struct CommandServiceTests {
    private let clock = TestClock()
    private let log = InMemoryLogHandler()
    private let journal = MemoryJournal()
    private let target = TargetID(kind: .process, name: "/run/bot.pid")
    private let resultSignal = WakeSignal()
    private let done = CommandResult(status: .completed, message: "bot is running")

    private func desk(_ ledger: CommandLedger = CommandLedger()) -> CommandDesk {
        CommandDesk(
            ledger: ledger, journal: journal, intake: CommandIntake(endpoint: "e", targets: [target]),
            resultSignal: resultSignal, logger: log.logger)
    }

    /// Polls a stub; `body` gets the tickets that are handed out, one after the other.
    private func polling(
        _ stub: StubServer, _ body: (AsyncStream<CommandTicket>) async throws -> Void
    ) async throws {
        let (tickets, continuation) = AsyncStream.makeStream(of: CommandTicket.self)
        try await withTransport(to: stub.endpoint) { transport in
            let service = CommandService(
                transport: transport, desk: desk(), clock: clock, logger: log.logger, seed: 1
            ) { _, ticket in continuation.yield(ticket) }
            try await beside({ try await service.run() }) { try await body(tickets) }
        }
    }

    /// Tells results to a stub.
    private func telling(_ stub: StubServer, _ desk: CommandDesk, _ body: () async throws -> Void) async throws {
        try await withTransport(to: stub.endpoint) { transport in
            let service = ResultService(
                transport: transport, desk: desk, signal: resultSignal, farewell: Farewell(clock: clock), clock: clock,
                logger: log.logger, seed: 1)
            try await beside({ try await service.run() }, body)
        }
    }

    // MARK: - Polls

    @Test func aQueuedCommandIsHandedOutAtOnceFromTheHeldPoll() async throws {
        try await withStubServer { stub in
            try await polling(stub) { tickets in
                try await stub.heldPoll()
                #expect(stub.requests.first?.query == ["wait": "55"])
                let command = stub.queue("restart", target: target.name, expiresIn: 900)
                let ticket = await tickets.first { _ in true }
                #expect(ticket?.key.id == command.id)
                #expect(ticket?.action == .restart)
                #expect(ticket?.expires == clock.now.advanced(by: .seconds(900)))
                #expect(journal.entries.count == 1)
                // What it brought was new: the next poll follows at once.
                try await stub.heldPoll()
                #expect(stub.requests.count == 2)
            }
        }
    }

    /// By the clock that times the requests: how long a back-off is, is what is judged.
    @Test func afterAServerThatHungCommandsComeWithinOneBackOff() async throws {
        try await withStubServer { stub in
            stub.script(.commands, always: .hang)
            let (tickets, continuation) = AsyncStream.makeStream(of: CommandTicket.self)
            try await withTransport(to: stub.endpoint, clock: clock) { transport in
                let service = CommandService(
                    transport: transport, desk: desk(), clock: clock, logger: log.logger, seed: 1
                ) { _, ticket in continuation.yield(ticket) }
                try await beside({ try await service.run() }) {
                    var retry = clock.now
                    for poll in 0..<6 {
                        _ = try await stub.request(.commands, after: poll - 1)
                        await clock.sleep(lasting: .seconds(70))
                        clock.advance(by: .seconds(70))
                        retry = await clock.sleep(atMost: .seconds(12))
                        if poll < 5 { clock.advance(to: retry) }
                    }
                    stub.clearScript()
                    let command = stub.queue("restart", target: target.name)
                    clock.advance(to: retry)
                    #expect(await tickets.first { _ in true }?.key.id == command.id)
                }
            }
        }
    }

    @Test func aServerWithoutLongPollsIsAskedEveryTenSeconds() async throws {
        try await withStubServer(.olderServer) { stub in
            try await polling(stub) { tickets in
                for index in 0...2 {
                    _ = try await stub.request(.commands, after: index - 1)
                    await clock.sleep(lasting: .seconds(10))
                    if index == 1 { stub.queue("stop", target: target.name) }
                    clock.advance(by: .seconds(10))
                }
                #expect(await tickets.first { _ in true }?.action == .stop)
            }
        }
    }

    @Test func aCommandThatIsOfferedInEveryPollIsHandedOutOnce() async throws {
        try await withStubServer(.olderServer) { stub in
            let command = stub.queue("restart", target: target.name)
            try await polling(stub) { tickets in
                for _ in 1...3 {
                    await clock.sleep(lasting: .seconds(10))
                    clock.advance(by: .seconds(10))
                }
                stub.queue("stop", target: target.name)
                await clock.sleep(lasting: .seconds(10))
                clock.advance(by: .seconds(10))
                var handedOut: [CommandAction] = []
                for await ticket in tickets {
                    handedOut.append(ticket.action)
                    if ticket.action == .stop { break }
                }
                #expect(handedOut == [.restart, .stop])
            }
            #expect(stub.deliveries(of: command.id) > 3)
        }
    }

    @Test(arguments: [
        ("<html></html>", 200), ("{}", 200), ("null", 200), (#"[{"id": "x"}, null]"#, 200), (#"[{"id": 1"#, 200),
    ])
    func anAnswerThatIsNoneIsToldOnceAndEndsNothing(body: String, status: Int) async throws {
        try await withStubServer(.olderServer) { stub in
            stub.script(.commands, .json(body), .json(body), .json(body))
            try await polling(stub) { tickets in
                for _ in 1...3 {
                    await clock.sleep(lasting: .seconds(10))
                    clock.advance(by: .seconds(10))
                }
                stub.queue("stop", target: target.name)
                await clock.sleep(lasting: .seconds(10))
                clock.advance(by: .seconds(10))
                #expect(await tickets.first { _ in true }?.action == .stop)
            }
            let problems = log.entries.filter { $0.level == .warning }.compactMap { $0.metadata["problem"] }
            #expect(problems.count == Set(problems.map { "\($0)" }).count)
            #expect(!problems.isEmpty)
        }
    }

    @Test(arguments: [
        (StubServer.Answer.refusal(503, retryAfter: 7), Duration.seconds(7)),
        (.refusal(429, retryAfter: 33), .seconds(33)),
        (.refusal(401), .seconds(60)), (.refusal(403), .seconds(60)),
    ])
    func aPollThatFailsIsRepeatedAsTheProtocolSays(answer: StubServer.Answer, pause: Duration) async throws {
        try await withStubServer { stub in
            stub.script(.commands, answer, answer)
            try await polling(stub) { tickets in
                for _ in 1...2 {
                    await clock.sleep(lasting: pause)
                    clock.advance(by: pause)
                }
                try await stub.heldPoll()
                #expect(log.told == ["Commands can't be asked for"])
                stub.queue("stop", target: target.name)
                _ = await tickets.first { _ in true }
                #expect(log.told.dropFirst().first == "The server answers command polls again")
            }
        }
    }

    @Test func aHeldPollDoesNotHoldUpTheEnd() async throws {
        try await withStubServer { stub in
            try await polling(stub) { _ in try await stub.heldPoll() }
            #expect(stub.requests.count == 1)
        }
    }

    // MARK: - Results

    @Test func aResultIsToldAtOnce() async throws {
        try await withStubServer { stub in
            let command = stub.queue("restart", target: target.name)
            let desk = desk()
            try await telling(stub, desk) {
                _ = await desk.receive(CommandOffer(commands: [command]), at: clock.now)
                await desk.resolve(key(of: command), done, journal)
                let told = try await stub.result(of: command.id)
                #expect(told.result == done)
            }
            #expect(await desk.nextResult(skipping: []) == nil)
        }
    }

    @Test func aResultThatWasLostIsSentAgain() async throws {
        try await withStubServer { stub in
            let command = stub.queue("restart", target: target.name)
            stub.loseResults(1)
            let desk = desk()
            try await telling(stub, desk) {
                _ = await desk.receive(CommandOffer(commands: [command]), at: clock.now)
                await desk.resolve(key(of: command), done, journal)
                clock.advance(to: await clock.sleep(atMost: .seconds(1.2)))
                let first = try await stub.request(.result)
                _ = try await stub.request(.result, after: first.index)
                await journal.hasWritten(.reported(key(of: command)))
            }
            #expect(stub.results.map(\.result) == [done, done])
            #expect(journal.ledger.unreported.isEmpty)
        }
    }

    @Test func aResultThatTheServerDoesNotWantIsSetAsideAndTheNextOneGoes() async throws {
        try await withStubServer { stub in
            let known = stub.queue("stop", target: target.name)
            let strange = Command(id: 7, action: "restart", type: "process", target: target.name)
            let desk = desk()
            try await telling(stub, desk) {
                _ = await desk.receive(CommandOffer(commands: [strange, known]), at: clock.now)
                for command in [strange, known] { await desk.resolve(key(of: command), done, journal) }
                _ = try await stub.result(of: known.id)
            }
            #expect(log.told.contains("The server refused a command's result for good"))
            #expect(await desk.nextResult(skipping: []) == nil)
        }
    }

    /// A proxy, or a page in the server's place.
    @Test(arguments: [StubServer.Answer.html(404), .html(405), .refusal(405)])
    func aResultIsSentAgainWhenItIsNotTheServerThatKnowsNoSuchCommand(answer: StubServer.Answer) async throws {
        try await withStubServer { stub in
            let command = stub.queue("restart", target: target.name)
            stub.script(.result, answer)
            let desk = desk()
            try await telling(stub, desk) {
                _ = await desk.receive(CommandOffer(commands: [command]), at: clock.now)
                await desk.resolve(key(of: command), done, journal)
                clock.advance(to: await clock.sleep(atMost: .seconds(1.2)))
                _ = try await stub.result(of: command.id)
                await journal.hasWritten(.reported(key(of: command)))
            }
            #expect(!log.told.contains("The server refused a command's result for good"))
        }
    }

    @Test func aResultIsKeptForTheNextRunnerWhenAProxyKnowsNoSuchPathUntilTheEnd() async throws {
        try await withStubServer { stub in
            let command = stub.queue("restart", target: target.name)
            stub.script(.result, always: .html(404))
            let first = desk()
            try await telling(stub, first) {
                _ = await first.receive(CommandOffer(commands: [command]), at: clock.now)
                await first.resolve(key(of: command), done, journal)
                _ = await clock.sleep(atMost: .seconds(1.2))
            }
            stub.clearScript()
            let next = desk(journal.ledger)
            try await telling(stub, next) { _ = try await stub.result(of: command.id) }
            #expect(journal.ledger.unreported.isEmpty)
        }
    }

    @Test func aResultIsKeptForTheNextRunnerWhenTheServerIsAwayUntilTheEnd() async throws {
        try await withStubServer { stub in
            let command = stub.queue("restart", target: target.name)
            try await stub.goAway()
            let first = desk()
            try await telling(stub, first) {
                _ = await first.receive(CommandOffer(commands: [command]), at: clock.now)
                await first.resolve(key(of: command), done, journal)
                _ = await clock.sleep(atMost: .seconds(1.2))
            }
            try await stub.comeBack()
            let next = desk(journal.ledger)
            try await telling(stub, next) { _ = try await stub.result(of: command.id) }
            #expect(journal.ledger.unreported.isEmpty)
        }
    }

    @Test func whatIsLeftIsTriedOnceMoreAtTheEnd() async throws {
        try await withStubServer { stub in
            let command = stub.queue("restart", target: target.name)
            stub.script(.result, .refusal(503, retryAfter: 1000))
            let desk = desk()
            try await telling(stub, desk) {
                _ = await desk.receive(CommandOffer(commands: [command]), at: clock.now)
                await desk.resolve(key(of: command), done, journal)
                await clock.sleep(lasting: .seconds(1000))
            }
            #expect(stub.results.map(\.commandID) == [command.id])
        }
    }

    private func key(of command: Command) -> CommandKey {
        CommandKey(endpoint: "e", id: command.id, issuedAt: command.issuedAt?.millisecondsSince1970)
    }
}

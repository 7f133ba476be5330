import InMemoryLogging
import Logging
import ServerLink
import Supervision
import SystemSupport
import Testing
import WireProtocol

@Suite struct CommandDeskTests {
    private let now = BootInstant(sinceBoot: .seconds(1000))
    private let target = TargetID(kind: .process, name: "/run/bot.pid")
    private let done = CommandResult(status: .completed, message: "bot is running")
    private let journal = MemoryJournal()
    private let log = InMemoryLogHandler()

    private func desk(_ ledger: CommandLedger = CommandLedger()) -> CommandDesk {
        CommandDesk(
            ledger: ledger, journal: journal, intake: CommandIntake(endpoint: "e", targets: [target]),
            resultSignal: WakeSignal(), logger: Logger(label: "test") { [log] _ in log })
    }

    private func offer(_ ids: Int64..., action: String = "restart") -> CommandOffer {
        CommandOffer(commands: ids.map { Command(id: $0, action: action, type: "process", target: target.name) })
    }

    private func key(_ id: Int64) -> CommandKey { CommandKey(endpoint: "e", id: id) }

    private var told: [String] { log.entries.map { "\($0.message)" } }

    // MARK: - Once

    @Test func aCommandIsInTheJournalBeforeItIsHandedOut() async {
        let desk = desk()
        let (tickets, hadNews) = await desk.receive(offer(1, 2), at: now)
        #expect(tickets.map(\.1.key) == [key(1), key(2)])
        #expect(tickets.map(\.0) == [target, target])
        #expect(hadNews)
        #expect(journal.entries == [.received(key(1)), .received(key(2))])
    }

    @Test func aCommandThatCannotBeWrittenDownIsNotHandedOut() async {
        let desk = desk()
        journal.fill()
        let (tickets, hadNews) = await desk.receive(offer(1), at: now)
        #expect(tickets.isEmpty)
        #expect(hadNews)
        #expect(journal.ledger.standing(of: key(1)) == .resolved(.unwritten))
    }

    @Test func aCommandThatIsInHandIsNotHandedOutAgain() async {
        let desk = desk()
        _ = await desk.receive(offer(1), at: now)
        let (tickets, hadNews) = await desk.receive(offer(1, 1), at: now)
        #expect(tickets.isEmpty)
        #expect(!hadNews)
        #expect(journal.entries == [.received(key(1))])
        #expect(await desk.nextResult(skipping: []) == nil)
    }

    @Test func aCommandThatIsTwiceInOneAnswerIsOne() async {
        let (tickets, _) = await desk().receive(offer(1, 1), at: now)
        #expect(tickets.count == 1)
    }

    @Test func whatIsOfferedAgainAfterItsEndIsToldAgainAndNotDoneAgain() async throws {
        let desk = desk()
        _ = await desk.receive(offer(1), at: now)
        await desk.resolve(key(1), done, journal)
        await desk.reported(key(1))
        #expect(await desk.nextResult(skipping: []) == nil)
        let (tickets, hadNews) = await desk.receive(offer(1), at: now)
        #expect(tickets.isEmpty)
        #expect(!hadNews)
        let again = try #require(await desk.nextResult(skipping: []))
        #expect(again.key == key(1))
        #expect(again.result == done)
    }

    @Test func theNextRunnerFindsWhatThisOneDid() async throws {
        let first = desk()
        _ = await first.receive(offer(1, 2, 3), at: now)
        await first.resolve(key(1), done, journal)
        await first.resolve(key(2), done, journal)
        await first.reported(key(1))
        let next = desk(journal.ledger)
        let (tickets, _) = await next.receive(offer(1, 2, 3), at: now)
        #expect(tickets.isEmpty)
        #expect(await next.nextResult(skipping: [])?.key == key(1))
        #expect(await next.nextResult(skipping: [key(1)])?.key == key(2))
        #expect(await next.nextResult(skipping: [key(1), key(2)]) == nil)
    }

    @Test func theFirstResultStands() async throws {
        let desk = desk()
        _ = await desk.receive(offer(1), at: now)
        await desk.resolve(key(1), done, journal)
        await desk.resolve(key(1), CommandResult(status: .failed), journal)
        #expect(await desk.nextResult(skipping: [])?.result == done)
        #expect(journal.ledger.unreported.map(\.result) == [done])
    }

    @Test func aResultOfACommandThatNobodyGaveIsNothing() async {
        let desk = desk()
        await desk.settled(key(7), done)
        #expect(await desk.nextResult(skipping: []) == nil)
    }

    // MARK: - What is not carried out

    @Test func whatIsRejectedIsNewsWithAResult() async throws {
        let desk = desk()
        let (tickets, hadNews) = await desk.receive(offer(1, action: "explode"), at: now)
        #expect(tickets.isEmpty)
        #expect(hadNews)
        #expect(await desk.nextResult(skipping: []) == nil, "told before it is on the disk")
        await journal.settle(in: desk)
        #expect(await desk.nextResult(skipping: [])?.result.status == .rejected)
        #expect(told.contains("Command rejected"))
        #expect(await desk.receive(offer(1, action: "explode"), at: now).hadNews == false)
    }

    @Test func whatAnEarlierRunnerDidNotBeginIsClosed() async throws {
        var ledger = CommandLedger()
        for id in Int64(1)...3 { ledger.apply(.received(key(id))) }
        let desk = desk(ledger)
        await desk.closeLeft(except: [key(2)], lost: [])
        await journal.settle(in: desk)
        let first = try #require(await desk.nextResult(skipping: []))
        #expect(first.key == key(1))
        #expect(first.result.status == .failed)
        #expect(first.result.message == "not carried out: the runner ended before it began")
        #expect(await desk.nextResult(skipping: [key(1)])?.key == key(3))
        #expect(await desk.nextResult(skipping: [key(1), key(3)]) == nil)
        #expect(journal.entries.count == 2)
    }

    @Test func ofWhatWasBegunInAnEarlierBootNobodyKnowsTheEnd() async throws {
        var ledger = CommandLedger()
        for id in Int64(1)...2 { ledger.apply(.received(key(id))) }
        let desk = desk(ledger)
        await desk.closeLeft(except: [], lost: [key(2)])
        await journal.settle(in: desk)
        #expect(await desk.nextResult(skipping: [])?.result.message?.hasPrefix("not carried out") == true)
        #expect(await desk.nextResult(skipping: [key(1)])?.result.message?.hasPrefix("outcome unknown") == true)
    }

    @Test func whatCanNotBeReadIsToldOnce() async {
        let desk = desk()
        for _ in 1...3 {
            _ = await desk.receive(CommandOffer(problems: ["a command that is not a JSON object"]), at: now)
        }
        #expect(told == ["The server sent a command that can't be read; it is ignored"])
        _ = await desk.receive(CommandOffer(problems: ["another"]), at: now)
        #expect(told.count == 2)
    }
}

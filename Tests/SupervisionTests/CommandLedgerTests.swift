import Supervision
import Testing
import WireProtocol

@Suite struct CommandLedgerTests {
    private let key = CommandKey(endpoint: "e", id: 1)
    private let done = CommandResult(status: .completed)

    @Test func aCommandIsNewOnce() {
        var ledger = CommandLedger()
        #expect(ledger.standing(of: key) == .new)
        ledger.apply(.received(key))
        #expect(ledger.standing(of: key) == .inHand)
        ledger.apply(.resolved(key, done))
        #expect(ledger.standing(of: key) == .resolved(done))
        #expect(ledger.unreported.map(\.key) == [key])
        ledger.apply(.reported(key))
        #expect(ledger.unreported.isEmpty)
        #expect(ledger.standing(of: key) == .resolved(done))
    }

    @Test func theFirstResultStands() {
        var ledger = CommandLedger()
        ledger.apply(.received(key))
        ledger.apply(.resolved(key, done))
        ledger.apply(.resolved(key, CommandResult(status: .failed)))
        #expect(ledger.standing(of: key) == .resolved(done))
    }

    @Test func offeredAgainAfterItWasToldItIsToldAgain() {
        var ledger = CommandLedger()
        for entry in [CommandLedger.Entry.received(key), .resolved(key, done), .reported(key), .received(key)] {
            ledger.apply(entry)
        }
        #expect(ledger.unreported.map(\.result) == [done])
    }

    @Test func anIdThatComesAgainFromAServerSetUpAnewIsAnotherCommand() {
        var ledger = CommandLedger()
        ledger.apply(.received(CommandKey(endpoint: "e", id: 1, issuedAt: 5)))
        #expect(ledger.standing(of: CommandKey(endpoint: "e", id: 1, issuedAt: 6)) == .new)
        #expect(ledger.standing(of: CommandKey(endpoint: "f", id: 1, issuedAt: 5)) == .new)
    }

    @Test func itsEntriesGiveItBack() {
        var ledger = CommandLedger()
        for id in 1...3 { ledger.apply(.received(CommandKey(endpoint: "e", id: Int64(id)))) }
        ledger.apply(.resolved(CommandKey(endpoint: "e", id: 2), done))
        ledger.apply(.resolved(CommandKey(endpoint: "e", id: 3), done))
        ledger.apply(.reported(CommandKey(endpoint: "e", id: 3)))
        var again = CommandLedger()
        for entry in ledger.entries { again.apply(entry) }
        #expect(again == ledger)
    }

    @Test func itForgetsOnlyWhatIsOverAndTold() {
        var ledger = CommandLedger()
        ledger.apply(.received(key))
        for id in 2...(CommandLedger.kept + 10) {
            let key = CommandKey(endpoint: "e", id: Int64(id))
            ledger.apply(.received(key))
            ledger.apply(.resolved(key, done))
            ledger.apply(.reported(key))
        }
        #expect(ledger.standing(of: key) == .inHand)
        #expect(ledger.standing(of: CommandKey(endpoint: "e", id: 2)) == .new)
        #expect(ledger.entries.count <= CommandLedger.kept * 3)
    }
}

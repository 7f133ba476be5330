import ServerLink
import Supervision
import Testing

@Suite struct OutboxTests {
    @Test func itKeepsTheOrder() {
        var outbox = Outbox()
        #expect(outbox.isEmpty)
        for seq in 1...5 { #expect(outbox.append(.change(Int64(seq), of: seq % 2 + 1)) == nil) }
        #expect(outbox.first(3).map(\.seq) == [1, 2, 3])
        outbox.remove(seqs: [2, 3, 99])
        #expect(outbox.first(10).map(\.seq) == [1, 4, 5])
        #expect(!outbox.isEmpty)
        outbox.remove(seqs: [1, 4, 5])
        #expect(outbox.isEmpty)
    }

    @Test func whenItIsFullTheOldestChangesOfTheBusiestAgentAreMerged() throws {
        var outbox = Outbox(capacity: 4)
        for (seq, bot) in [(1, 1), (2, 2), (3, 2), (4, 2)] {
            #expect(outbox.append(.change(Int64(seq), of: bot)) == nil)
        }
        #expect(outbox.append(.change(5, of: 3)) == .bot(2))
        #expect(outbox.first(10).map(\.seq) == [1, 3, 4, 5])
        #expect(outbox.first(10).map(\.merged) == [0, 1, 0, 0])
        #expect(outbox.append(.change(6, of: 1)) != nil)
        #expect(outbox.append(.change(7, of: 2)) != nil)
        #expect(outbox.first(10).count == 4)
        #expect(outbox.first(10).map(\.merged).reduce(0, +) + 4 == 7)
        #expect(outbox.first(10).last?.seq == 7)
    }

    @Test func amongEquallyBusyAgentsTheOneWithTheOldestChangeIsMerged() {
        for _ in 1...20 {
            var outbox = Outbox(capacity: 4)
            for (seq, bot) in [(1, 3), (2, 1), (3, 1), (4, 3)] { _ = outbox.append(.change(Int64(seq), of: bot)) }
            #expect(outbox.append(.change(5, of: 2)) == .bot(3))
        }
    }

    @Test func itNeverHoldsMoreThanItMayHoweverLongTheServerIsAway() throws {
        var outbox = Outbox(capacity: 50)
        for seq in 1...5000 { _ = outbox.append(.change(Int64(seq), of: seq % 7)) }
        let changes = outbox.first(.max)
        #expect(changes.count == 50)
        #expect(changes.map(\.merged).reduce(0, +) + 50 == 5000)
        #expect(changes.map(\.seq) == changes.map(\.seq).sorted())
        // The newest change of every agent is there.
        #expect(changes.suffix(7).map(\.seq) == Array(4994...5000))
    }

    @Test func oneChangeOfEachAgentIsNeverMergedAway() {
        var outbox = Outbox(capacity: 2)
        for bot in 1...5 { #expect(outbox.append(.change(Int64(bot), of: bot)) == nil) }
        #expect(outbox.first(10).count == 5)
    }
}

import ServerLink
import Supervision
import Testing
import WireProtocol

/// What goes out, and when, to a server that takes everything.
@Suite struct HeartbeatDeliveryTests {
    @Test func nothingGoesOutBeforeNewsOrARound() throws {
        var bench = DeliveryBench()
        #expect(try bench.pause() == DeliveryBench.interval)
    }

    // MARK: - Changes

    @Test func aChangeGoesOutAtOnce() throws {
        var bench = DeliveryBench()
        bench.change(2)
        let shipment = try bench.exchange()
        #expect(shipment.form == .batch)
        #expect(shipment.bots == ["bot-2"])
        #expect(try bench.pause() == DeliveryBench.interval)
    }

    @Test func changesGoOutInTheOrderInWhichTheyHappened() throws {
        var bench = DeliveryBench()
        bench.change(3, 1, 3, 2, 1)
        #expect(try bench.exchange().seqs == [1, 2, 3, 4, 5])
        #expect(try bench.pause() == DeliveryBench.interval)
    }

    @Test func whatHappensWhileARequestIsUnderWayIsLeftForTheNext() throws {
        var bench = DeliveryBench()
        bench.change(1)
        let first = try bench.shipment()
        bench.change(2)
        bench.settle(first, .taken)
        #expect(try bench.exchange().seqs == [2])
    }

    @Test func moreThanABatchOfChangesGoesOutBatchByBatch() throws {
        var bench = DeliveryBench(agents: 250)
        for bot in 1...250 { bench.change(bot) }
        #expect(try bench.exchange().seqs == Array(1...100))
        #expect(try bench.exchange().seqs == Array(101...200))
        #expect(try bench.exchange().seqs == Array(201...250))
        #expect(try bench.pause() == DeliveryBench.interval)
    }

    @Test func evidenceIsAboutThePastAndThePresentGoesAlong() throws {
        var bench = DeliveryBench()
        bench.evidence(1)
        bench.delivery.touch(WatchedTarget.bot(1).id)
        let shipment = try bench.exchange()
        #expect(shipment.seqs == [1])
        #expect(shipment.plainBots == ["bot-1"])
        #expect(try bench.pause() == DeliveryBench.interval)
    }

    // MARK: - Other targets

    @Test func whatStaysIsDueStillAndWhatWentIsToldNoMore() throws {
        var bench = DeliveryBench()
        for bot in 1...3 { bench.delivery.touch(WatchedTarget.bot(bot).id) }
        bench.delivery.retarget([.bot(2), .bot(4)], interval: DeliveryBench.interval, at: bench.now)
        #expect(try bench.exchange().plainBots == ["bot-2"])
        bench.delivery.touch(WatchedTarget.bot(4).id)
        bench.delivery.touch(WatchedTarget.bot(1).id)
        #expect(try bench.exchange().plainBots == ["bot-4"])
        bench.pass(DeliveryBench.interval)
        #expect(try bench.exchange().plainBots == ["bot-2", "bot-4"])
    }

    @Test func aChangeOfWhatWentIsDeliveredAllTheSame() throws {
        var bench = DeliveryBench()
        bench.change(3)
        bench.delivery.retarget([.bot(1)], interval: DeliveryBench.interval, at: bench.now)
        #expect(try bench.exchange().bots == ["bot-3"])
    }

    @Test func aRequestUnderWayMayBeAboutWhatWent() throws {
        var bench = DeliveryBench()
        for bot in 1...3 { bench.delivery.touch(WatchedTarget.bot(bot).id) }
        let shipment = try bench.shipment()
        bench.delivery.retarget([.bot(3)], interval: DeliveryBench.interval, at: bench.now)
        bench.settle(shipment, .taken)
        #expect(try bench.pause() == DeliveryBench.interval)
    }

    @Test func aShorterIntervalBeginsNow() throws {
        var bench = DeliveryBench()
        bench.delivery.retarget([.bot(1)], interval: .seconds(5), at: bench.now)
        #expect(try bench.pause() == .seconds(5))
    }

    // MARK: - Rounds

    @Test func everythingGoesOutOnceAnInterval() throws {
        var bench = DeliveryBench()
        for _ in 1...3 {
            bench.pass(DeliveryBench.interval)
            #expect(try bench.exchange().plainBots == ["bot-1", "bot-2", "bot-3"])
            #expect(try bench.pause() == DeliveryBench.interval)
        }
    }

    @Test func aThousandTargetsAreTenRequestsInTheOrderOfTheCommandLine() throws {
        var bench = DeliveryBench(agents: 1000)
        bench.pass(DeliveryBench.interval)
        var bots: [String] = []
        for _ in 1...10 {
            let shipment = try bench.exchange()
            #expect(shipment.plain.count == 100)
            bots += shipment.plainBots
        }
        #expect(bots == (1...1000).map { "bot-\($0)" })
        #expect(try bench.pause() == DeliveryBench.interval)
    }

    @Test func anAgentWhoseChangeIsInTheRequestIsNotToldTwice() throws {
        var bench = DeliveryBench()
        bench.change(2)
        bench.pass(DeliveryBench.interval)
        let shipment = try bench.exchange()
        #expect(shipment.seqs == [1])
        #expect(shipment.plainBots == ["bot-1", "bot-3"])
        #expect(try bench.pause() == DeliveryBench.interval)
    }

    @Test func plainHeartbeatsFillWhatChangesLeave() throws {
        var bench = DeliveryBench(agents: 120)
        for bot in 1...95 { bench.change(bot) }
        bench.pass(DeliveryBench.interval)
        let first = try bench.exchange()
        #expect(first.changes.count == 95)
        #expect(first.plainBots == (96...100).map { "bot-\($0)" })
        #expect(try bench.exchange().plainBots == (101...120).map { "bot-\($0)" })
        #expect(try bench.pause() == DeliveryBench.interval)
    }

    @Test func newsWithoutAChangeGoesOutAtOnceAsAPlainHeartbeat() throws {
        var bench = DeliveryBench()
        bench.delivery.touch(WatchedTarget.bot(2).id)
        bench.delivery.touch(WatchedTarget.bot(2).id)
        #expect(try bench.exchange().plainBots == ["bot-2"])
        #expect(try bench.pause() == DeliveryBench.interval)
    }

    @Test func onlyTheLatestPlainHeartbeatCounts() throws {
        var bench = DeliveryBench()
        bench.pass(DeliveryBench.interval)
        // The server is away for three rounds: there is nothing to make up for but one.
        for _ in 1...3 {
            try bench.exchange(.later("away", after: DeliveryBench.interval))
            bench.pass(DeliveryBench.interval)
        }
        #expect(try bench.exchange().plainBots == ["bot-1", "bot-2", "bot-3"])
        #expect(try bench.pause().map { $0 > .zero } == true)
    }

    @Test func roundsThatWereSleptThroughAreNotMadeUpFor() throws {
        var bench = DeliveryBench()
        bench.pass(.seconds(3600 * 24 * 30) + .seconds(7))
        #expect(try bench.exchange().plain.count == 3)
        // The rhythm is the old one.
        #expect(try bench.pause() == .seconds(23))
    }

    // MARK: - The first one

    @Test func theFirstBatchOpensThisLifeOfTheRunnerAndNoOther() throws {
        var bench = DeliveryBench()
        bench.change(1)
        #expect(try bench.exchange().isFirst)
        bench.change(2)
        #expect(try !bench.exchange().isFirst)
    }

    @Test(arguments: [
        ReplyVerdict.later("HTTP 503", after: .seconds(1)), .unauthorized("HTTP 401"),
    ])
    func theFirstBatchIsTheFirstUntilOneWasTaken(verdict: ReplyVerdict) throws {
        var bench = DeliveryBench()
        bench.change(1)
        #expect(try bench.exchange(verdict).isFirst)
        bench.pass(.seconds(60))
        #expect(try bench.exchange().isFirst)
        bench.change(1)
        #expect(try !bench.exchange().isFirst)
    }
}

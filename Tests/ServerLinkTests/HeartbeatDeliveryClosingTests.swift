import ServerLink
import Supervision
import Testing

/// The end of a runner: what is left goes out, then the goodbye.
@Suite struct HeartbeatDeliveryClosingTests {
    @Test func withNothingLeftTheGoodbyeIsAnEmptyBatch() throws {
        var bench = DeliveryBench()
        bench.delivery.close(at: bench.now)
        let goodbye = try bench.exchange()
        #expect(goodbye.isLast)
        #expect(goodbye.bots == [])
        #expect(bench.next() == .done)
    }

    @Test func whatIsLeftGoesAlongWithTheGoodbye() throws {
        var bench = DeliveryBench()
        bench.change(1, 2)
        bench.delivery.close(at: bench.now)
        let goodbye = try bench.exchange()
        #expect(goodbye.isLast)
        #expect(goodbye.seqs == [1, 2])
        #expect(bench.next() == .done)
    }

    @Test(arguments: [100, 101, 250])
    func whatIsTooMuchForOneRequestGoesOutBeforeTheGoodbye(count: Int) throws {
        var bench = DeliveryBench(agents: count)
        for bot in 1...count { bench.change(bot) }
        bench.delivery.close(at: bench.now)
        var sent = 0
        var isOver = false
        while case .send(let shipment) = bench.next() {
            #expect(!isOver)
            sent += shipment.changes.count
            isOver = shipment.isLast
            bench.settle(shipment, .taken)
        }
        #expect(sent == count)
        #expect(isOver)
        #expect(bench.next() == .done)
    }

    @Test func plainHeartbeatsNoLongerGoOut() throws {
        var bench = DeliveryBench()
        bench.delivery.touch(WatchedTarget.bot(2).id)
        bench.pass(DeliveryBench.interval)
        bench.delivery.close(at: bench.now)
        #expect(try bench.exchange().plain == [])
        bench.pass(DeliveryBench.interval)
        #expect(bench.next() == .done)
    }

    @Test func aServerThatIsAwayGetsALastTryAtOnceAndNoMore() throws {
        var bench = DeliveryBench()
        bench.change(1)
        try bench.exchange(.later("away", after: .seconds(600)))
        bench.delivery.close(at: bench.now)
        let last = try bench.exchange(.later("away", after: nil))
        #expect(last.seqs == [1])
        #expect(last.isLast)
        #expect(bench.next() == .done)
    }

    @Test(arguments: [ReplyVerdict.unauthorized("HTTP 401"), .later("HTTP 500", after: nil)])
    func aGoodbyeThatIsNotTakenHoldsUpNothing(verdict: ReplyVerdict) throws {
        var bench = DeliveryBench()
        bench.delivery.close(at: bench.now)
        try bench.exchange(verdict)
        #expect(bench.next() == .done)
    }

    @Test func aGoodbyeThatIsRefusedIsNotSaidAgain() throws {
        var bench = DeliveryBench()
        bench.delivery.close(at: bench.now)
        try bench.exchange(.refused("HTTP 422"))
        #expect(bench.next() == .done)
    }

    @Test(arguments: [1, 2, 7])
    func aBadItemDoesNotCostTheGoodbye(count: Int) throws {
        var bench = DeliveryBench(agents: count)
        for bot in 1...count { bench.change(bot) }
        bench.delivery.close(at: bench.now)
        var last: HeartbeatDelivery.Shipment?
        while case .send(let shipment) = bench.next() {
            let isBad = shipment.bots.contains("bot-1")
            bench.settle(shipment, isBad ? .refused("HTTP 422") : .taken)
            last = isBad ? nil : shipment
        }
        #expect(bench.delivery.setAside == 1)
        #expect(try #require(last).isLast)
    }

    @Test func aServerWithoutBatchesGetsWhatIsLeftOneByOneAndNoGoodbye() throws {
        var bench = DeliveryBench()
        bench.change(1, 2)
        bench.delivery.close(at: bench.now)
        try bench.exchange(.unknownPath("HTTP 404"))
        #expect(try bench.exchange().seqs == [1])
        #expect(try bench.exchange().seqs == [2])
        #expect(bench.next() == .done)
    }
}

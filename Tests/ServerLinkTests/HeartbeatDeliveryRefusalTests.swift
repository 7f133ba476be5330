import ServerLink
import Supervision
import Testing
import WireProtocol

/// What becomes of heartbeats that a server does not take (protocol, "What a client does with a refusal").
@Suite struct HeartbeatDeliveryRefusalTests {
    // MARK: - Items

    @Test func anItemThatWasNotTakenIsSetAsideAndTold() throws {
        var bench = DeliveryBench()
        bench.change(1, 2, 3)
        try bench.exchange(.results(#"[{"ok": true}, {"ok": false, "error": "too long"}, {"ok": true}]"#))
        #expect(bench.notices == [.setAside(agent: "bot-2", reason: "too long")])
        #expect(bench.delivery.setAside == 1)
        #expect(try bench.pause() == DeliveryBench.interval)
    }

    @Test func aPlainHeartbeatThatWasNotTakenIsToldUnderItsAgentsName() throws {
        var bench = DeliveryBench()
        bench.change(2)
        bench.pass(DeliveryBench.interval)
        try bench.exchange(.results(#"[{"ok": true}, {"ok": true}, {"ok": false}]"#))
        #expect(bench.notices == [.setAside(agent: "bot-3", reason: "refused without a reason")])
        #expect(try bench.pause() == DeliveryBench.interval)
    }

    @Test(arguments: [
        "[]", "[{}]", "[{\"ok\": true}]", "[{\"ok\": true}, {\"ok\": true}, {\"ok\": false}]", "null", "{}", "7",
        "\"no\"", "[{\"ok\": null}]", "[{\"error\": \"odd\"}]",
    ])
    func anAnswerThatDoesNotSayWhatBecameOfEachChangeHasTakenNone(results: String) throws {
        var bench = DeliveryBench()
        bench.change(1, 2)
        try bench.exchange(.results(results))
        guard case .trouble(let reason) = try #require(bench.notices.first) else {
            Issue.record("\(bench.notices)")
            return
        }
        #expect(reason.hasSuffix("results to 2 heartbeats: is this a ClevAgent server?"))
        bench.pass(.seconds(2))
        #expect(try bench.exchange().bots == ["bot-1", "bot-2"])
        #expect(bench.notices == [.recovered])
    }

    @Test(arguments: ["[null, null]", "[7, \"x\"]", "[[], {}]", "[{\"ok\": \"false\"}, {\"ok\": 0}]"])
    func resultsThatAreNotAsTheyShouldBeAreNoRefusal(results: String) throws {
        var bench = DeliveryBench()
        bench.change(1, 2)
        try bench.exchange(.results(results))
        #expect(bench.notices == [])
        #expect(bench.delivery.setAside == 0)
        #expect(try bench.pause() == DeliveryBench.interval)
    }

    @Test(arguments: ["7", "null", "[\"a\"]"])
    func aRefusalWhoseReasonIsNoTextIsARefusalAllTheSame(error: String) throws {
        var bench = DeliveryBench()
        bench.change(1)
        try bench.exchange(.results(#"[{"ok": false, "error": \#(error)}]"#))
        #expect(bench.notices == [.setAside(agent: "bot-1", reason: "refused without a reason")])
    }

    @Test func theServersWordsAreToldShortAndInOneLine() throws {
        var bench = DeliveryBench()
        bench.change(1)
        let words = "a\\nb\\u001b[31m" + String(repeating: "x", count: 10_000)
        try bench.exchange(.results(#"[{"ok": false, "error": "\#(words)"}]"#))
        guard case .setAside(_, let reason) = try #require(bench.notices.first) else {
            Issue.record("\(bench.notices)")
            return
        }
        #expect(reason.hasPrefix("a b [31mx"))
        #expect(reason.count <= 200)
    }

    // MARK: - A whole batch

    @Test(arguments: [1, 2, 50, 99, 100])
    func aBatchIsHalvedUntilTheBadItemIsSetAsideAndItsNeighboursArrive(bad: Int) throws {
        var bench = DeliveryBench(agents: 100)
        for bot in 1...100 { bench.change(bot) }
        let (delivered, requests) = try bench.drain(refusing: [bad])
        #expect(delivered == (1...100).filter { $0 != bad }.map { "bot-\($0)" })
        #expect(bench.notices == [.setAside(agent: "bot-\(bad)", reason: "HTTP 422: no")])
        #expect(bench.delivery.setAside == 1)
        #expect(requests <= 30)
    }

    @Test func aBadPlainHeartbeatDoesNotCostItsNeighboursEither() throws {
        var bench = DeliveryBench(agents: 300)
        bench.pass(DeliveryBench.interval)
        let (delivered, requests) = try bench.drain(refusing: [7, 150, 151])
        #expect(delivered == (1...300).filter { ![7, 150, 151].contains($0) }.map { "bot-\($0)" })
        #expect(bench.notices.count == 3)
        #expect(requests <= 60)
        #expect(try bench.pause() == DeliveryBench.interval)
    }

    @Test func aServerThatRefusesEverythingGetsAFewRequestsAnItemAndNoMore() throws {
        var bench = DeliveryBench(agents: 100)
        for bot in 1...100 { bench.change(bot) }
        let (delivered, requests) = try bench.drain(refusing: Set(1...100))
        #expect(delivered == [])
        #expect(bench.delivery.setAside == 100)
        #expect(requests <= 250)
    }

    @Test func afterABadItemBatchesGrowBackToTheirFullSize() throws {
        var bench = DeliveryBench(agents: 1000)
        for bot in 1...1000 { bench.change(bot) }
        let (delivered, requests) = try bench.drain(refusing: [1])
        #expect(delivered.count == 999)
        #expect(requests <= 30)
    }

    // MARK: - Later

    @Test func whatWasNotTakenNowIsSentAgainInOrderWithWhatCameSince() throws {
        var bench = DeliveryBench()
        bench.change(1, 2)
        try bench.exchange(.later("HTTP 503", after: .seconds(3)))
        bench.change(3)
        #expect(try bench.pause() == .seconds(3))
        bench.pass(.seconds(3))
        #expect(try bench.exchange().seqs == [1, 2, 3])
    }

    @Test func thePaceIsThatOfTheProtocol() throws {
        var bench = DeliveryBench()
        bench.change(1)
        for nominal in [1.0, 2, 4, 8, 10, 10, 10] {
            try bench.exchange(.later("away", after: nil))
            let pause = try #require(try bench.pause())
            #expect((.seconds(nominal * 0.8)...(.seconds(nominal * 1.2))).contains(pause))
            bench.pass(pause)
        }
        try bench.exchange()
        bench.change(1)
        try bench.exchange(.later("away", after: nil))
        #expect(try #require(try bench.pause()) <= .seconds(1.2))
    }

    @Test func whatTheServerAsksForWins() throws {
        var bench = DeliveryBench()
        bench.change(1)
        try bench.exchange(.later("HTTP 429", after: .seconds(77)))
        #expect(try bench.pause() == .seconds(77))
    }

    @Test func aKeyThatIsNotAcceptedIsTriedOnceAMinute() throws {
        var bench = DeliveryBench()
        bench.change(1)
        for _ in 1...3 {
            try bench.exchange(.unauthorized("HTTP 401"))
            #expect(try bench.pause() == .seconds(60))
            bench.pass(.seconds(60))
        }
        #expect(try bench.exchange().seqs == [1])
    }

    @Test func aTroubleIsToldOnceUntilItIsAnotherAndThenItsEnd() throws {
        var bench = DeliveryBench()
        bench.change(1)
        var told: [[HeartbeatDelivery.Notice]] = []
        for reason in ["away", "away", "HTTP 503", "HTTP 503", "away"] {
            try bench.exchange(.later(reason, after: .seconds(1)))
            told.append(bench.notices)
            bench.pass(.seconds(1))
        }
        try bench.exchange()
        told.append(bench.notices)
        bench.change(1)
        try bench.exchange()
        told.append(bench.notices)
        #expect(told == [[.trouble("away")], [], [.trouble("HTTP 503")], [], [], [.recovered], []])
    }

    // MARK: - Servers that know no batches

    @Test func aServerWithoutBatchesGetsSingleHeartbeatsForAnHour() throws {
        var bench = DeliveryBench()
        bench.change(1, 2)
        #expect(try bench.exchange(.unknownPath("HTTP 404")).form == .batch)
        #expect(bench.notices == [.fallback("HTTP 404")])
        for seq in 1...2 {
            let shipment = try bench.exchange()
            #expect(shipment.form == .single)
            #expect(shipment.seqs == [Int64(seq)])
            #expect(shipment.plain == [])
        }
        bench.pass(DeliveryBench.interval)
        #expect(try bench.exchange().plainBots == ["bot-1"])
        #expect(try bench.exchange().plainBots == ["bot-2"])
        #expect(try bench.exchange().plainBots == ["bot-3"])
        #expect(try bench.pause() == DeliveryBench.interval)
        bench.pass(.seconds(3600) - DeliveryBench.interval - .milliseconds(1))
        #expect(try bench.shipment().form == .single)
        bench.pass(.milliseconds(1))
        let batch = try bench.shipment()
        #expect(batch.form == .batch)
        #expect(batch.isFirst)
    }

    @Test func aSingleHeartbeatThatIsRefusedIsSetAsideAndBlocksNothing() throws {
        var bench = DeliveryBench()
        bench.change(1, 2)
        try bench.exchange(.unknownPath("HTTP 405"))
        try bench.exchange(.refused("HTTP 422: no"))
        #expect(bench.notices == [.setAside(agent: "bot-1", reason: "HTTP 422: no")])
        #expect(try bench.exchange().seqs == [2])
    }

    @Test func aSingleHeartbeatThatIsAnsweredWithNoIsSetAside() throws {
        var bench = DeliveryBench()
        bench.change(1)
        try bench.exchange(.unknownPath("HTTP 404"))
        try bench.exchange(.taken(Array(#"{"ok": false, "error": "not here"}"#.utf8)))
        #expect(bench.notices == [.setAside(agent: "bot-1", reason: "not here")])
        #expect(bench.delivery.setAside == 1)
        #expect(try bench.pause() == DeliveryBench.interval)
    }

    @Test func aServerThatKnowsNeitherIsTroubleAndIsTriedAgain() throws {
        var bench = DeliveryBench()
        bench.change(1)
        try bench.exchange(.unknownPath("HTTP 404"))
        try bench.exchange(.unknownPath("HTTP 404"))
        #expect(bench.notices == [.trouble("HTTP 404")])
        bench.pass(try #require(try bench.pause()))
        #expect(try bench.exchange().seqs == [1])
    }

    // MARK: - No room

    @Test func changesThatThereIsNoRoomForAreMergedAndThatIsTold() throws {
        var bench = DeliveryBench(outbox: Outbox(capacity: 3))
        bench.change(1, 1, 2)
        #expect(bench.notices == [])
        bench.change(2)
        #expect(bench.notices == [.merged(agent: "bot-1")])
        #expect(try bench.exchange().changes.count == 3)
    }
}

import ServerDomain
import Testing
import WireProtocol

@Suite struct FleetHeartbeatTests {
    @Test func `The first heartbeat creates the agent and the next ones find it`() {
        var bench = FleetBench()
        let first = bench.beat("bot")
        let second = bench.beat("bot", .warning)
        #expect(first == second)
        #expect(bench.fleet.agents.count == 1)
        #expect(bench.status() == .warning)
        #expect(bench.heartbeats.count == 2)
    }

    @Test func `A strict project refuses unknown agents and keeps known ones`() {
        var bench = FleetBench()
        bench.beat("known")
        bench.fleet.isStrict = true
        #expect(bench.beat("stranger") == .notRegistered)
        #expect(bench.beat("known") == .accepted(bench.id("known"), name: "known"))
        #expect(bench.heartbeats.count == 2)
    }

    @Test(
        arguments: [
            ([.ok, .down], .down), ([.error, .down, .ok], .down), ([.warning, .error], .error),
            ([.unknown, .warning], .warning), ([.ok, .unknown], .unknown), ([.shutdown, .ok], .ok),
            ([.shutdown], .shutdown),
            ([], .unknown),
        ] as [([AgentStatus], AgentStatus)])
    func `The worst instance decides`(statuses: [AgentStatus], worst: AgentStatus) {
        #expect(AgentStatus.worst(of: statuses) == worst)
    }

    @Test func `Code and runners are instances of one agent, and the worst counts`() {
        var bench = FleetBench()
        bench.beat("bot", .ok)
        bench.beat("bot", .error, by: "r1")
        bench.beat("bot", .ok, by: "r2")
        #expect(bench.fleet.agents.count == 1)
        #expect(bench.fleet.agent(named: "bot").map { bench.fleet.reporters(of: $0).count } == 3)
        #expect(bench.status() == .error)
    }

    @Test func `All senders without a runner id are one instance that becomes a runner with the first restart_type`() {
        var bench = FleetBench()
        bench.beat("bot")
        #expect(bench.fleet.agent(named: "bot").map { bench.fleet.reporters(of: $0).map(\.source) } == [.sdk])
        bench.beat("bot") { $0.restartType = "docker" }
        bench.beat("bot")
        #expect(bench.fleet.agent(named: "bot").map { bench.fleet.reporters(of: $0).map(\.source) } == [.runner])
    }

    @Test(arguments: [(9, true), (10, false), (11, false), (nil, false)] as [(Int64?, Bool)])
    func `A lower seq goes to history and changes no status`(seq: Int64?, isLate: Bool) {
        var bench = FleetBench()
        bench.beat("bot", .ok, by: "r1", seq: 10)
        bench.beat("bot", .error, by: "r1", seq: seq)
        #expect(bench.status() == (isLate ? .ok : .error))
        #expect(bench.heartbeats.map(\.isLate) == [false, isLate])
    }

    @Test func `Seqs of two runners do not meet`() {
        var bench = FleetBench()
        bench.beat("bot", .ok, by: "r1", seq: 1000)
        bench.beat("bot", .error, by: "r2", seq: 1)
        #expect(bench.status() == .error)
    }

    @Test(
        arguments: [
            (observed: 40_000, sent: 100_000, age: 60_000), (observed: 100_000, sent: 40_000, age: 0),
            (observed: 0, sent: 900 * 86_400_000, age: 365 * 86_400_000), (observed: nil, sent: 100_000, age: 0),
            (observed: 40_000, sent: nil, age: 0),
        ] as [(observed: Int64?, sent: Int64?, age: Int64)])
    func `Events are dated by receipt minus their age`(observed: Int64?, sent: Int64?, age: Int64) {
        var bench = FleetBench()
        bench.beat("bot") { report in
            report.observedAt = observed.map(WireTime.init(millisecondsSince1970:))
            report.sentAt = sent.map(WireTime.init(millisecondsSince1970:))
            report.event = HeartbeatEvent(kind: .died)
        }
        let expected = FleetBench.start.millisecondsSince1970 - age
        #expect(bench.events.map(\.at.millisecondsSince1970) == [expected])
        #expect(bench.events.map(\.receivedAt) == [FleetBench.start])
    }

    @Test func `A second delivery changes nothing and gets the same answer`() {
        var bench = FleetBench()
        func deliver(_ bench: inout FleetBench) -> HeartbeatOutcome {
            bench.beat("bot", .error, by: "r1") { report in
                report.eventID = "e-1"
                report.tokensUsed = 5
                report.event = HeartbeatEvent(kind: .died, signal: 9)
            }
        }
        let first = deliver(&bench)
        bench.beat("bot", .ok, by: "r1")
        let fleet = bench.fleet
        let again = deliver(&bench)
        #expect(first == again)
        #expect(bench.kinds == ["died"])
        #expect(bench.status() == .ok)
        #expect(bench.fleet.instances == fleet.instances)
        #expect(bench.lastChanges.isEmpty)
    }

    @Test func `The same event id twice in one turn counts once`() {
        var bench = FleetBench()
        var report = HeartbeatReport(agent: "bot")
        report.eventID = "e-1"
        report.event = HeartbeatEvent(kind: .died)
        let twice = report
        bench.turn { fleet, turn in
            _ = fleet.receive(twice, from: Sender(), &turn)
            _ = fleet.receive(twice, from: Sender(), &turn)
        }
        #expect(bench.kinds == ["died"])
    }

    @Test func `Tokens, cost and restarts add up over the day and start anew with the next`() {
        var bench = FleetBench()
        for _ in 0..<2 {
            bench.beat("bot") { report in
                report.tokensUsed = 10
                report.costUSD = 0.5
                report.event = HeartbeatEvent(kind: .restarted)
            }
        }
        let today = bench.fleet.agent(named: "bot")?.today
        #expect(today?.tokens == 20)
        #expect(today?.costUSD == 1)
        #expect(today?.restarts == 2)
        bench.time = 86_400
        bench.beat("bot") { $0.tokensUsed = 1 }
        #expect(bench.fleet.agent(named: "bot")?.today.tokens == 1)
        #expect(bench.fleet.agent(named: "bot")?.today.restarts == 0)
    }

    @Test func `A huge count of tokens saturates`() {
        var bench = FleetBench()
        for _ in 0..<2 { bench.beat("bot") { $0.tokensUsed = .max } }
        #expect(bench.fleet.agent(named: "bot")?.today.tokens == .max)
    }

    @Test func `Our runner takes over the agent that an older runner named otherwise`() {
        var bench = FleetBench()
        bench.beat("my-agent.service") { report in
            report.restartType = "systemd"
            report.restartTarget = "my-agent"
        }
        let old = bench.id("my-agent.service")
        bench.beat("my-agent", by: "r1") { report in
            report.restartType = "systemd"
            report.restartTarget = "my-agent"
        }
        #expect(bench.id("my-agent") == old)
        #expect(bench.fleet.agents.count == 1)
        #expect(bench.fleet.agent(named: "my-agent.service") == nil)
        bench.wait(1000)
        #expect(!bench.kinds.contains("silent"), "the old instance must not be missed")
    }

    @Test func `Nothing is taken over when it is not certain which agent it was`() {
        var bench = FleetBench()
        for name in ["one", "two"] {
            bench.beat(name) { report in
                report.restartType = "systemd"
                report.restartTarget = "my-agent"
            }
        }
        bench.beat("three", by: "r1") { report in
            report.restartType = "systemd"
            report.restartTarget = "my-agent"
        }
        #expect(bench.fleet.agents.count == 3)
    }
}

import ServerDomain
import Testing
import WireProtocol

@Suite struct FleetSilenceTests {
    @Test(arguments: [(nil, 125.0), (30.0, 65.0), (1.0, 7.0), (0.5, 6.0)] as [(Double?, Double)])
    func `An instance is down after twice its interval and five seconds, not earlier`(
        interval: Double?, allowance: Double
    ) {
        var bench = FleetBench()
        bench.beat("bot", interval: interval)
        bench.wait(allowance - 0.001)
        #expect(bench.status() == .ok)
        bench.wait(0.001)
        #expect(bench.status() == .down)
        #expect(bench.kinds == ["silent"])
        #expect(bench.events.last?.message == "no heartbeat for \(Duration.seconds(allowance).spoken)")
    }

    @Test func `Each heartbeat starts the timer anew`() {
        var bench = FleetBench()
        for _ in 0..<10 {
            bench.beat("bot", interval: 30)
            bench.wait(64)
        }
        #expect(bench.kinds == [])
    }

    @Test func `The next heartbeat ends the outage and tells its length`() {
        var bench = FleetBench()
        bench.beat("bot", interval: 30)
        bench.wait(600)
        bench.beat("bot", interval: 30)
        #expect(bench.status() == .ok)
        #expect(bench.kinds == ["silent", "heard_again"])
        #expect(bench.events.last?.data.silentFor == 600)
        #expect(bench.events.last?.message == "heard again after 10 min")
    }

    @Test func `Silence is told once`() {
        var bench = FleetBench()
        bench.beat("bot", interval: 30)
        bench.wait(100_000)
        #expect(bench.kinds == ["silent"])
    }

    @Test func `A shutdown stops the timer`() {
        var bench = FleetBench()
        bench.beat("bot", interval: 30)
        bench.beat("bot", .shutdown, interval: 30)
        bench.wait(100_000)
        #expect(bench.kinds == [])
        #expect(bench.status() == .shutdown)
    }

    @Test func `Code that falls silent under a living runner makes no work progress`() {
        var bench = FleetBench()
        bench.beat("bot", interval: 60)
        for _ in 0..<5 {
            bench.batch("r1", "running", ["bot"])
            bench.wait(30)
        }
        #expect(bench.status() == .down)
        #expect(bench.events.map(\.message) == ["no work progress: no heartbeat for 2 min 5 s"])
    }

    @Test func `A silent runner is one incident and its return another`() {
        var bench = FleetBench()
        let agents = (1...25).map { "bot-\($0)" }
        bench.batch("r1", "running", agents)
        bench.wait(1000)
        #expect(bench.kinds == ["runner_silent"])
        #expect(bench.events.last?.message == "host web-1 is silent: 25 agents")
        #expect(agents.allSatisfy { bench.status($0) == .down })
        bench.batch("r1", "running", agents)
        #expect(bench.kinds == ["runner_silent", "heard_again"])
        #expect(bench.events.last?.agent == nil)
        #expect(agents.allSatisfy { bench.status($0) == .ok })
    }

    @Test(arguments: [1.0, 10.0, 29.0])
    func `A change that was told just before the end does not split the incident`(later: Double) {
        var bench = FleetBench()
        bench.batch("r1", "running", ["a", "b", "c"])
        bench.wait(later)
        bench.beat("a", .error, by: "r1", interval: 30)
        bench.wait(1000)
        #expect(bench.kinds == ["runner_silent"])
    }

    @Test func `An agent that a living runner no longer reports is its own alarm`() {
        var bench = FleetBench()
        bench.batch("r1", "running", ["a", "b"])
        for _ in 0..<5 {
            bench.wait(30)
            bench.batch("r1", "running", ["b"])
        }
        #expect(bench.kinds == ["silent"])
        #expect(bench.events.last?.agentName == "a")
    }

    @Test(arguments: [(1.0, 30.0), (30.0, 65.0)])
    func `After the server's own start all timers start anew, none under 30 s`(interval: Double, allowance: Double) {
        var bench = FleetBench()
        bench.beat("bot", interval: interval)
        bench.time = 5000
        let snapshot = Fleet.Snapshot(
            agents: Array(bench.fleet.agents.values), instances: Array(bench.fleet.instances.values))
        bench.fleet = Fleet(project: FleetBench.project, restoring: snapshot, now: bench.now)
        bench.wait(allowance - 0.001)
        #expect(bench.status() == .ok)
        bench.wait(0.001)
        #expect(bench.status() == .down)
        #expect(bench.events.last?.data.silentFor == 5000 + allowance)
    }
}

import ServerDomain
import Testing
import WireProtocol

@Suite struct FleetRunnerTests {
    @Test func `A new life of a runner makes its agents unknown until it reports them`() {
        var bench = FleetBench()
        bench.batch("r1", "running", ["a", "b"])
        bench.wait(10)
        bench.batch("r1", "starting", ["a"])
        #expect(bench.status("a") == .ok)
        #expect(bench.status("b") == .unknown)
        #expect(bench.kinds == ["runner_started"])
    }

    @Test func `What it does not report in time is removed without an alarm`() {
        var bench = FleetBench()
        bench.batch("r1", "running", ["a", "b"])
        bench.batch("r1", "starting", ["a"])
        bench.wait(60)
        bench.batch("r1", "running", ["a"])
        bench.wait(5)
        #expect(bench.fleet.agent(named: "b").map { bench.fleet.reporters(of: $0) } == [])
        bench.batch("r1", "running", ["a"])
        #expect(bench.kinds == ["runner_started"])
    }

    @Test func `An orderly end makes its agents unknown, with one event, and no silence follows`() {
        var bench = FleetBench()
        bench.batch("r1", "running", ["a", "b", "c"])
        bench.beat("c", .shutdown, by: "r1")
        bench.batch("r1", "stopping", [])
        #expect(bench.kinds == ["runner_stopped"])
        #expect(bench.events.last?.message == "runner on web-1 stopped: why")
        #expect(bench.status("a") == .unknown)
        #expect(bench.status("c") == .shutdown)
        bench.wait(10_000)
        #expect(bench.kinds == ["runner_stopped"])
    }

    @Test func `An agent that a reload dropped is removed and missed by nobody`() {
        var bench = FleetBench()
        bench.beat("bot", by: "r1", seq: 5)
        bench.beat("bot", by: "r1", seq: 6) { $0.event = HeartbeatEvent(kind: .unwatched) }
        bench.wait(10_000)
        #expect(bench.kinds == ["unwatched"])
        #expect(bench.status() == .unknown)
    }

    @Test func `A late message does not revive what was removed, a new one does`() {
        var bench = FleetBench()
        bench.beat("bot", by: "r1", seq: 5)
        bench.beat("bot", by: "r1", seq: 6) { $0.event = HeartbeatEvent(kind: .unwatched) }
        bench.beat("bot", .error, by: "r1", seq: 5)
        #expect(bench.status() == .unknown)
        bench.beat("bot", .ok, by: "r1", seq: 7)
        #expect(bench.status() == .ok)
    }

    @Test func `A runner that was silent and starts anew is heard again once`() {
        var bench = FleetBench()
        bench.batch("r1", "running", ["a"])
        bench.wait(1000)
        bench.batch("r1", "starting", ["a"])
        #expect(bench.kinds == ["runner_silent", "heard_again", "runner_started"])
        #expect(bench.status("a") == .ok)
    }
}

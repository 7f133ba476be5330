import DockerWatcher
import Supervision
import Testing

/// What is thought of a container, event by event and reading by reading.
@Suite struct ContainerJudgeTests {
    private let start = BootInstant(sinceBoot: .seconds(1000))
    private var json = InspectedJSON()

    private func after(_ seconds: Double) -> BootInstant { start.advanced(by: .milliseconds(Int64(seconds * 1000))) }

    /// A judge that has read the container as running.
    private func judge(_ json: InspectedJSON) -> ContainerJudge {
        var judge = ContainerJudge(name: "bot")
        _ = judge.read(json.facts, at: start)
        return judge
    }

    private func end(_ liveness: Observation.Liveness?) -> End? {
        if case .dead(let end) = liveness { end } else { nil }
    }

    // MARK: Deaths

    @Test func `The die of the life that runs is told at once`() {
        var judge = judge(json)
        let hint = judge.heard(.of(.died(exitCode: 3), "2026-11-24T10:05:00Z"))
        guard case .dead(let observation) = hint else { return #expect(Bool(false), "\(hint)") }
        #expect(end(observation.liveness)?.cause == .exit(code: 3))
        #expect(end(observation.liveness)?.identity == json.facts?.identity)
        #expect(end(observation.liveness)?.isDeliberate == false)
        #expect(observation.grace == .zero)
        // What is then read says nothing else.
        #expect(judge.read(json.ended(3).facts, at: after(1)).observation.liveness == observation.liveness)
    }

    @Test func `After exit 137 the reading says whether memory had run out`() {
        var judge = judge(json)
        guard case .dead(let first) = judge.heard(.of(.died(exitCode: 137), "2026-11-24T10:05:00Z")) else {
            return #expect(Bool(false))
        }
        #expect(end(first.liveness)?.cause == .unknown)
        #expect(first.grace > .zero)
        let told = judge.read(json.ended(137, outOfMemory: true).facts, at: after(0.03)).observation
        #expect(end(told.liveness)?.cause == .outOfMemory)
        #expect(end(told.liveness)?.identity?.pid == 4711)
    }

    @Test func `The die of an earlier life, or of another container, is only a hint`() {
        var judge = judge(json)
        #expect(judge.heard(.of(.died(exitCode: 1), "2026-11-24T09:59:59Z")) == .look)
        var other = DockerEvent.of(.died(exitCode: 1), "2026-11-24T10:05:00Z")
        other.container = String(repeating: "b", count: 64)
        #expect(judge.heard(other) == .look)
        #expect(judge.heard(.of(.died(exitCode: 1), "2026-11-24T10:05:00Z"), .past) == .look)
    }

    @Test func `One die is told once`() {
        var judge = judge(json)
        _ = judge.heard(.of(.died(exitCode: 1), "2026-11-24T10:05:00Z"))
        #expect(judge.heard(.of(.died(exitCode: 1), "2026-11-24T10:05:00Z")) == .look)
    }

    @Test func `A process that was killed out of memory in a container that ended well is no such end`() {
        var judge = judge(json)
        #expect(
            end(judge.read(json.ended(0, outOfMemory: true).facts, at: after(1)).observation.liveness)?.cause
                == .exit(code: 0))
    }

    // MARK: Stops

    @Test(
        arguments: [
            // signal, seconds before the end, deliberate
            (15, 0.2, true), (15, 14.9, true), (15, 15.1, false), (9, 0.0, true), (9, 14.0, true), (9, 16.0, false),
            (1, 0.2, false), (10, 0.2, false), (2, 0.2, false), (28, 0.2, false),
        ] as [(Int32, Double, Bool)]) func `A stop is a terminating signal soon before the end`(
            signal: Int32, before: Double, isDeliberate: Bool
        )
    {
        var judge = judge(json)
        var kill = DockerEvent.of(.killed(signal: signal), "2026-11-24T10:05:00Z")
        kill.at = kill.at.map { EngineTime(nanosecondsSince1970: $0.nanosecondsSince1970 - Int64(before * 1e9)) }
        #expect(judge.heard(kill) == .nothing)
        let hint = judge.heard(.of(.died(exitCode: 0), "2026-11-24T10:05:00Z"))
        // Whether it was a person or the engine on its way out is known when the engine has answered.
        if isDeliberate {
            #expect(hint == .look)
        } else if case .dead(let told) = hint {
            #expect(end(told.liveness)?.isDeliberate == false)
        } else {
            Issue.record("\(hint)")
        }
        #expect(end(judge.read(json.ended(0).facts, at: after(1)).observation.liveness)?.isDeliberate == isDeliberate)
    }

    @Test func `The container's own stop signal and time count`() {
        var json = json
        json.stopSignal = "SIGINT"
        json.stopTimeout = 60
        var judge = judge(json)
        _ = judge.heard(.of(.killed(signal: 2), "2026-11-24T10:04:00Z"))
        #expect(end(judge.read(json.ended(0).facts, at: after(1)).observation.liveness)?.isDeliberate == true)
    }

    @Test func `The stop of an earlier life does not explain this one's end`() {
        var judge = judge(json)
        _ = judge.heard(.of(.killed(signal: 15), "2026-11-24T09:59:59Z"))
        let told = judge.read(json.ended(1, at: "2026-11-24T10:00:01Z").facts, at: after(1)).observation
        #expect(end(told.liveness)?.isDeliberate == false)
    }

    @Test func `Removed by hand it was stopped, then is missing, and made anew it is followed`() {
        var judge = judge(json)
        _ = judge.heard(.of(.killed(signal: 9), "2026-11-24T10:05:00Z"))
        #expect(judge.heard(.of(.died(exitCode: 137), "2026-11-24T10:05:00.1Z")) == .look)
        let told = judge.read(nil, at: after(0.5))
        #expect(end(told.observation.liveness)?.isDeliberate == true)
        #expect(told.again == after(0.5))
        guard case .missing = judge.read(nil, at: after(1)).observation.liveness else { return #expect(Bool(false)) }
        var again = json
        again.id = String(repeating: "c", count: 64)
        again.status = "created"
        again.startedAt = "0001-01-01T00:00:00Z"
        #expect(end(judge.read(again.facts, at: after(2)).observation.liveness)?.isDeliberate == true)
        again.status = "running"
        again.startedAt = "2026-11-24T10:06:00Z"
        guard case .alive(let life) = judge.read(again.facts, at: after(3)).observation.liveness else {
            return #expect(Bool(false))
        }
        #expect(life != json.facts?.identity)
    }

    // MARK: The engine's own doings

    @Test func `A restart policy of its own has ten seconds first`() {
        var json = json
        json.policy = "always"
        var judge = judge(json)
        var restarting = json.ended(1)
        restarting.status = "restarting"
        guard case .handledElsewhere = judge.read(restarting.facts, at: after(1)).observation.liveness else {
            return #expect(Bool(false))
        }
        let first = judge.read(json.ended(1).facts, at: after(5))
        guard case .handledElsewhere = first.observation.liveness else { return #expect(Bool(false)) }
        #expect(first.again == after(15))
        guard case .handledElsewhere = judge.read(json.ended(1).facts, at: after(14.9)).observation.liveness else {
            return #expect(Bool(false))
        }
        #expect(end(judge.read(json.ended(1).facts, at: after(15)).observation.liveness)?.cause == .exit(code: 1))
    }

    @Test func `Stopped by hand, a restart policy of its own does nothing, and neither is it waited for`() {
        var json = json
        json.policy = "always"
        var judge = judge(json)
        _ = judge.heard(.of(.killed(signal: 15), "2026-11-24T10:05:00Z"))
        #expect(end(judge.read(json.ended(0).facts, at: after(1)).observation.liveness)?.isDeliberate == true)
    }

    @Test func `What is found down on the engine's return is not judged for 15 seconds`() {
        var judge = judge(json)
        judge.engineWasLost()
        judge.engineIsBack(at: after(20))
        let held = judge.read(json.ended(255).facts, at: after(21))
        guard case .undetermined = held.observation.liveness else { return #expect(Bool(false)) }
        #expect(held.again == after(35))
        let told = end(judge.read(json.ended(255).facts, at: after(35)).observation.liveness)
        #expect(told?.cause == .unknown)
        #expect(told?.isDeliberate == false)
        #expect(told?.identity == json.facts?.identity)
        // And it stays so.
        #expect(end(judge.read(json.ended(255).facts, at: after(600)).observation.liveness) == told)
    }

    @Test func `An engine that ends on its return what had run on without it is no person`() {
        var judge = judge(json)
        judge.engineWasLost()
        _ = judge.heard(.of(.killed(signal: 15), "2026-11-24T10:04:59Z"), .pastOfReturnedEngine)
        judge.engineIsBack(at: after(20))
        guard case .undetermined = judge.read(json.ended(0).facts, at: after(21)).observation.liveness else {
            return #expect(Bool(false))
        }
        #expect(end(judge.read(json.ended(0).facts, at: after(35)).observation.liveness)?.isDeliberate == false)
    }

    @Test func `An engine that stops all it has before it ends is no person`() {
        var judge = judge(json)
        _ = judge.heard(.of(.killed(signal: 15), "2026-11-24T10:04:59Z"))
        #expect(judge.heard(.of(.died(exitCode: 0), "2026-11-24T10:05:00Z")) == .look)
        // It answers nobody any more.
        judge.engineWasLost()
        judge.engineIsBack(at: after(20))
        guard case .undetermined = judge.read(json.ended(0).facts, at: after(21)).observation.liveness else {
            return #expect(Bool(false))
        }
        let told = end(judge.read(json.ended(0).facts, at: after(36)).observation.liveness)
        #expect(told?.isDeliberate == false)
    }

    @Test func `What an engine ends after its return, while it answers already, was ended by no person`() {
        var judge = judge(json)
        judge.engineWasLost()
        judge.engineIsBack(at: after(20))
        _ = judge.heard(.of(.killed(signal: 9), "2026-11-24T10:04:59Z"))
        guard case .undetermined = judge.read(json.ended(137).facts, at: after(21)).observation.liveness else {
            return #expect(Bool(false))
        }
        #expect(end(judge.read(json.ended(137).facts, at: after(36)).observation.liveness)?.isDeliberate == false)
    }

    @Test func `Stopped by hand while only the stream was lost, it is stopped by hand`() {
        var judge = judge(json)
        judge.streamWasLost()
        _ = judge.heard(.of(.killed(signal: 15), "2026-11-24T10:04:59Z"), .past)
        judge.engineIsBack(at: after(20))
        #expect(end(judge.read(json.ended(0).facts, at: after(21)).observation.liveness)?.isDeliberate == true)
    }

    @Test func `What ran on through the engine's absence and dies then is judged at once`() {
        var judge = judge(json)
        judge.engineWasLost()
        judge.engineIsBack(at: after(20))
        _ = judge.read(json.facts, at: after(21))
        #expect(end(judge.read(json.ended(3).facts, at: after(22)).observation.liveness)?.cause == .exit(code: 3))
    }

    @Test func `What was down before the engine's end is the same after it`() {
        var judge = judge(json)
        let before = judge.read(json.ended(3).facts, at: after(1)).observation
        judge.engineWasLost()
        judge.engineIsBack(at: after(20))
        #expect(judge.read(json.ended(3).facts, at: after(21)).observation == before)
    }

    @Test func `While the engine is away no event is taken at its word`() {
        var judge = judge(json)
        judge.engineWasLost()
        #expect(judge.heard(.of(.died(exitCode: 137), "2026-11-24T10:05:00Z")) == .look)
    }

    // MARK: Other states

    @Test(arguments: ["paused", "restarting", "removing"]) func `What somebody else is at is left to them`(
        status: String
    ) {
        var json = json
        json.status = status
        var judge = ContainerJudge(name: "bot")
        guard case .handledElsewhere = judge.read(json.facts, at: start).observation.liveness else {
            return #expect(Bool(false))
        }
    }

    @Test func `A state of which nothing is known is doubtful`() {
        var json = json
        json.status = "levitating"
        var judge = ContainerJudge(name: "bot")
        #expect(
            judge.read(json.facts, at: start).observation.liveness
                == .undetermined("is in a state of which nothing is known here: levitating"))
    }

    @Test func `Unhealthy counts as failed, and says what the check said`() throws {
        var json = json
        json.health = "unhealthy"
        let life = try #require(json.facts?.identity)
        var judge = ContainerJudge(name: "bot")
        #expect(
            judge.read(json.facts, at: start).observation.liveness
                == .unhealthy(life, "its health check fails: no answer"))
        json.health = "starting"
        #expect(judge.read(json.facts, at: start).observation.concern == "its health check has not passed yet")
        json.health = "healthy"
        #expect(judge.read(json.facts, at: start).observation == Observation(.alive(life)))
    }

    @Test func `A name means the container of that name, or of the id that begins so`() throws {
        let facts = try #require(json.facts)
        #expect(facts.isMeant(by: "bot"))
        #expect(facts.isMeant(by: "aaaaaaaaaaaa"))
        #expect(!facts.isMeant(by: "aaa"))
        #expect(!facts.isMeant(by: "other"))
    }
}

import DockerWatcher
import Supervision
import Testing

/// Containers that Docker itself starts again.
@Suite struct OwnRestartPolicyTests {
    private let start = BootInstant(sinceBoot: .seconds(1000))
    private let dies = "2026-11-24T10:05:00Z"

    private func after(_ seconds: Int64) -> BootInstant { start.advanced(by: .seconds(seconds)) }

    private func container(_ policy: String = "always", restarted: Int = 0, most: Int = 0) -> InspectedJSON {
        var json = InspectedJSON()
        json.policy = policy
        json.restartCount = restarted
        json.mostRestarts = most
        return json
    }

    /// A judge that has read the container as running.
    private func judge(_ json: InspectedJSON) -> ContainerJudge {
        var judge = ContainerJudge(name: "bot")
        _ = judge.read(json.facts, at: start)
        return judge
    }

    private func restarting(_ json: InspectedJSON, _ exitCode: Int, outOfMemory: Bool = false) -> InspectedJSON {
        var json = json.ended(exitCode, at: dies, outOfMemory: outOfMemory)
        json.status = "restarting"
        return json
    }

    private func end(_ liveness: Observation.Liveness?) -> End? {
        if case .dead(let end) = liveness { end } else { nil }
    }

    private func waiting(_ exitCode: Int) -> Observation.Liveness {
        .handledElsewhere("ended with exit \(exitCode), and is being restarted by its own restart policy (always)")
    }

    // MARK: Deaths

    @Test func `The die tells the death, left to the policy, and what is read then adds nothing`() {
        let json = container()
        var judge = judge(json)
        guard case .dead(let told) = judge.heard(.of(.died(exitCode: 3), dies)) else { return #expect(Bool(false)) }
        #expect(told.liveness == waiting(3))
        #expect(told.former == End(identity: json.facts?.identity, cause: .exit(code: 3)))
        #expect(told.former?.identity?.pid == 4711)
        #expect(judge.heard(.of(.died(exitCode: 3), dies)) == .look)
        #expect(judge.read(restarting(json, 3).facts, at: after(1)).observation == told)
    }

    @Test func `Out of memory is known from the event before the die`() {
        var judge = judge(container())
        _ = judge.heard(.of(.outOfMemory, dies))
        guard case .dead(let told) = judge.heard(.of(.died(exitCode: 137), dies)) else { return #expect(Bool(false)) }
        #expect(told.former?.cause == .outOfMemory)
        #expect(told.former?.detail == "exit 137")
    }

    @Test func `After exit 137 the reading says whether memory had run out, if it still can`() {
        let json = container()
        var judge = judge(json)
        #expect(judge.heard(.of(.died(exitCode: 137), dies)) == .look)
        var early = judge
        let told = early.read(restarting(json, 137, outOfMemory: true).facts, at: after(1)).observation
        #expect(told.former?.cause == .outOfMemory)
        // It runs again already.
        var next = json
        next.startedAt = "2026-11-24T10:05:01Z"
        let late = judge.read(next.facts, at: after(1)).observation
        #expect(late.former?.identity == json.facts?.identity)
        #expect(late.former?.cause == .exit(code: 137))
        #expect(late.former?.detail == "that is what SIGKILL (9) leaves")
    }

    @Test func `A death while the stream was lost is told with the life that is found`() {
        let json = container()
        var judge = judge(json)
        judge.streamWasLost()
        #expect(judge.heard(.of(.died(exitCode: 3), dies), .past) == .look)
        var next = json
        next.startedAt = "2026-11-24T10:05:01Z"
        let told = judge.read(next.facts, at: after(1)).observation
        #expect(told.former?.cause == .exit(code: 3))
        #expect(told.former?.identity == json.facts?.identity)
    }

    @Test(
        arguments: [
            ("always", 0, 0, 0, true), ("unless-stopped", 1, 9, 0, true), ("on-failure", 1, 0, 0, true),
            ("on-failure", 0, 0, 0, false), ("on-failure", 1, 1, 2, true), ("on-failure", 1, 2, 2, false),
        ] as [(String, Int32, Int, Int, Bool)])
    func `What its policy will not restart is dead at once, with ten seconds of grace`(
        policy: String, exitCode: Int32, restarted: Int, most: Int, restarts: Bool
    ) {
        let json = container(policy, restarted: restarted, most: most)
        #expect(json.facts?.restartsItself(after: exitCode) == restarts)
        var judge = judge(json)
        let told = judge.read(json.ended(Int(exitCode)).facts, at: after(1)).observation
        if restarts {
            guard case .handledElsewhere = told.liveness else { return #expect(Bool(false), "\(told)") }
            #expect(told.former?.cause == .exit(code: exitCode))
        } else {
            #expect(end(told.liveness)?.cause == .exit(code: exitCode))
            #expect(told.grace == ContainerJudge.ownPolicyPatience)
        }
    }

    // MARK: Stops and removals

    @Test func `A stop while it waits is a stop, though nothing was signalled`() {
        let json = container()
        var judge = judge(json)
        _ = judge.heard(.of(.died(exitCode: 3), dies))
        _ = judge.read(restarting(json, 3).facts, at: after(1))
        #expect(judge.heard(.of(.stopped, "2026-11-24T10:05:30Z")) == .look)
        let told = judge.read(json.ended(3, at: dies).facts, at: after(31)).observation
        #expect(end(told.liveness)?.isDeliberate == true)
        #expect(end(told.liveness)?.cause == .exit(code: 3))
        #expect(end(told.liveness)?.identity == json.facts?.identity)
    }

    @Test func `A stop while it waits is a stop also after the engine was away`() {
        let json = container()
        var judge = judge(json)
        judge.engineWasLost()
        judge.engineIsBack(at: after(20))
        _ = judge.read(restarting(json, 3).facts, at: after(21))
        _ = judge.heard(.of(.stopped, "2026-11-24T10:05:30Z"))
        let told = judge.read(json.ended(3, at: dies).facts, at: after(51)).observation
        #expect(end(told.liveness)?.isDeliberate == true)
    }

    @Test func `The stop of an earlier life explains nothing`() {
        let json = container()
        var judge = judge(json)
        _ = judge.heard(.of(.stopped, "2026-11-24T09:59:59Z"))
        guard case .handledElsewhere = judge.read(json.ended(3).facts, at: after(1)).observation.liveness else {
            return #expect(Bool(false))
        }
    }

    @Test func `An engine that says on its return that it stopped it is no person`() {
        let json = container()
        var judge = judge(json)
        judge.engineWasLost()
        _ = judge.heard(.of(.stopped, dies), .pastOfReturnedEngine)
        judge.engineIsBack(at: after(20))
        guard case .undetermined = judge.read(json.ended(0).facts, at: after(21)).observation.liveness else {
            return #expect(Bool(false))
        }
    }

    @Test func `Removed while it waits it was removed by somebody, and is missing then`() {
        let json = container()
        var judge = judge(json)
        _ = judge.read(restarting(json, 3).facts, at: after(1))
        // As it goes on being removed.
        var removing = json.ended(3)
        removing.status = "removing"
        #expect(judge.heard(.of(.removed, "2026-11-24T10:05:30Z")) == .look)
        _ = judge.read(removing.facts, at: after(31))
        let told = judge.read(nil, at: after(32))
        #expect(
            end(told.observation.liveness)
                == End(
                    identity: json.facts?.identity, cause: .exit(code: 3), isDeliberate: true,
                    detail: "it was removed (docker rm)"))
        #expect(told.again == after(32))
        guard case .missing = judge.read(nil, at: after(33)).observation.liveness else { return #expect(Bool(false)) }
    }

    /// With `--rm` Docker removes what ended by itself.
    @Test func `Removed without a policy of its own it is missing, and nobody is said to have removed it`() {
        var judge = judge(InspectedJSON())
        _ = judge.heard(.of(.removed, dies))
        guard case .missing = judge.read(nil, at: after(1)).observation.liveness else { return #expect(Bool(false)) }
    }

    // MARK: Another name

    @Test func `A container that was renamed is told as such, and followed when it has its name again`() {
        let json = InspectedJSON()
        var judge = judge(json)
        var renamed = DockerEvent.of(.renamed, dies)
        (renamed.name, renamed.formerName) = ("bot-old", "bot")
        #expect(judge.concerns(renamed))
        #expect(judge.heard(renamed) == .look)
        let told = Observation(
            .undetermined("there is no container named bot; the container was renamed to bot-old"))
        #expect(judge.read(nil, at: after(1)).observation == told)
        #expect(judge.read(nil, at: after(600)).observation == told)
        // What happens to it is not ours any more.
        var death = DockerEvent.of(.died(exitCode: 3), "2026-11-24T10:06:00Z")
        death.name = "bot-old"
        #expect(!judge.concerns(death))
        (renamed.name, renamed.formerName) = ("bot", "bot-old")
        #expect(judge.concerns(renamed))
        #expect(judge.heard(renamed) == .look)
        #expect(judge.read(json.facts, at: after(601)).observation.liveness == judge.aliveNow?.liveness)
        guard case .missing = judge.read(nil, at: after(602)).observation.liveness else { return #expect(Bool(false)) }
    }
}

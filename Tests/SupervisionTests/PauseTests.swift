import Supervision
import Testing
import WireProtocol

@Suite struct PauseTests {
    private static let key = CommandKey(endpoint: CommandKey.host, id: 1)
    private static let pause = TargetStateMachine.Event.paused(Pause(), for: key)
    private static let resume = TargetStateMachine.Event.resumed(for: key)

    @Test func aLivingTargetThatIsPausedIsToldSo() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(Self.pause)
        #expect(bot.events == [.paused])
        #expect(bot.machine.report.status == .warning)
        #expect(
            bot.machine.report.message
                == "bot is up (PID 1); paused: it would not be restarted until it is resumed")
        #expect(bot.resolved == ["bot is paused until it is resumed: it is watched and reported, and not restarted"])
        #expect(bot.record?.pause == Pause())
        bot.feed(Self.resume)
        #expect(bot.events == [.resumed])
        #expect(bot.machine.report.status == .ok)
        #expect(bot.record?.pause == nil)
    }

    @Test(arguments: [RestartPolicy.unlessStopped, .onFailure, .always]) func nothingIsRestartedInAPause(
        _ policy: RestartPolicy
    ) {
        var bot = Machine(policy: policy)
        bot.sees(.alive(.life(1)))
        bot.feed(Self.pause)
        bot.seesDeath(of: 1, cause: .exit(code: 3))
        #expect(bot.events == [.died])
        #expect(
            bot.machine.report.message == "bot died (PID 1): exit 3; paused: it is not restarted until it is resumed")
        #expect(bot.reports.last?.event?.nextAttemptIn == nil)
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
        bot.feed(.deadlineReached, after: .seconds(86_400))
        #expect(bot.actions.isEmpty)
        bot.feed(Self.resume)
        #expect(bot.requestsStart)
        bot.comeUp(as: 2)
        #expect(bot.machine.report.status == .ok)
    }

    @Test func aPauseOfWhatWaitsToBeStartedWithdrawsTheStart() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        #expect(bot.requestsStart)
        bot.feed(Self.pause)
        #expect(bot.releasesStart)
        #expect(bot.machine.report.message == "bot is down, and is paused until it is resumed: it is not restarted")
        // The permit was on its way.
        bot.feed(.startPermitted)
        #expect(bot.performed.isEmpty && bot.releasesStart)
    }

    @Test func aPauseEndsWithItsTimeAndWhatIsDownIsStarted() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(.paused(Pause(until: bot.now.advanced(by: .seconds(1800))), for: Self.key))
        #expect(bot.resolved == ["bot is paused for 30 min: it is watched and reported, and not restarted"])
        bot.seesDeath(of: 1, after: .seconds(60))
        #expect(bot.machine.deadline == bot.now.advanced(by: .seconds(1740)))
        bot.reachDeadline()
        #expect(bot.events == [.resumed])
        #expect(bot.requestsStart)
    }

    @Test func aLaterPauseReplacesTheEarlier() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(.paused(Pause(until: bot.now.advanced(by: .seconds(60))), for: nil))
        bot.feed(Self.pause)
        #expect(bot.machine.deadline == nil)
        #expect(bot.machine.pause == Pause())
    }

    @Test func aPauseInAnActionLetsItEnd() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        bot.feed(.startPermitted)
        bot.feed(Self.pause)
        #expect(bot.events == [.paused])
        bot.feed(.finished(.up(.life(2), note: nil)))
        bot.reachDeadline()
        #expect(bot.events == [.restarted])
        #expect(bot.machine.report.status == .warning, "it is up, and paused")
    }

    @Test func aStartThatFailsInAPauseIsNotTriedAgain() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        bot.feed(.startPermitted)
        bot.feed(Self.pause)
        bot.feed(.finished(.failed("no such program", isPermanent: false)))
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
    }

    @Test func aRestartByCommandIsCarriedOutInAPauseAndDoesNotEndIt() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(Self.pause)
        bot.seesDeath(of: 1)
        bot.feed(.commanded(.restart(7)))
        #expect(bot.requestsStart)
        bot.comeUp(as: 2)
        #expect(bot.machine.pause == Pause())
        bot.seesDeath(of: 2)
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
    }

    @Test func aCommandThatFailsLeavesWhatIsPausedDown() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(Self.pause)
        bot.seesDeath(of: 1)
        bot.feed(.commanded(.restart(7)))
        bot.feed(.startPermitted)
        bot.feed(.finished(.failed("no such program", isPermanent: false)))
        #expect(bot.results == [.failed])
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
    }

    @Test func whatIsUnhealthyIsNotRestartedInAPause() {
        var bot = Machine(backoff: Backoff(initial: .zero))
        bot.sees(.alive(.life(1)))
        bot.feed(Self.pause)
        bot.sees(.unhealthy(.life(1), "no answer"))
        #expect(bot.events == [.unhealthy])
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
        bot.feed(Self.resume)
        #expect(bot.machine.report.message?.hasPrefix("bot is unhealthy, and not paused any more") == true)
        #expect(bot.requestsStart)
    }

    @Test func aPauseSurvivesTheRunner() {
        let record = TargetRecord(bootID: Machine.boot, life: .life(1), pause: Pause())
        var bot = Machine(record: record)
        bot.seesDeath(of: 1)
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
        #expect(bot.machine.pause == Pause())
    }

    @Test func aPauseWithoutAnEndSurvivesTheBootAndOneWithAnEndDoesNot() {
        let now = BootInstant(sinceBoot: .seconds(10_000))
        #expect(Machine(record: TargetRecord(bootID: "boot-0", pause: Pause())).machine.pause == Pause())
        #expect(Machine(record: TargetRecord(bootID: "boot-0", pause: Pause(until: now))).machine.pause == nil)
    }

    @Test func aResumeEndsWhatAStopHoldsAndStartsNothing() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(.commanded(.stop(7)))
        bot.feed(.finished(.down))
        bot.feed(Self.resume)
        #expect(!bot.machine.isHeld)
        #expect(bot.resolved == ["bot is not held any more; it is down, and starts with a restart"])
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
        #expect(bot.record?.isHeld == false)
    }

    @Test func aResumeStartsWhatAStopHeldIfItIsAlwaysToRun() {
        var bot = Machine(policy: .always)
        bot.sees(.alive(.life(1)))
        bot.feed(.commanded(.stop(7)))
        bot.feed(.finished(.down))
        bot.feed(Self.resume)
        #expect(bot.requestsStart)
    }

    @Test func theEndOfAPauseLeavesWhatAStopHolds() {
        var bot = Machine(policy: .always)
        bot.sees(.alive(.life(1)))
        bot.feed(.commanded(.stop(7)))
        bot.feed(.finished(.down))
        bot.feed(.paused(Pause(until: bot.now.advanced(by: .seconds(60))), for: nil))
        bot.reachDeadline()
        #expect(bot.events == [.resumed])
        #expect(bot.machine.isHeld && bot.machine.pause == nil)
        bot.feed(Self.pause)
        bot.feed(Self.resume)
        #expect(bot.resolved == ["bot is not paused any more; a stop command holds it still"])
        #expect(bot.machine.isHeld && !bot.requestsStart)
        bot.feed(Self.resume)
        #expect(!bot.machine.isHeld && bot.requestsStart)
    }

    @Test func aResumeOfWhatIsNotPausedChangesNothing() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(Self.resume)
        #expect(bot.resolved == ["bot was not paused"])
        #expect(bot.events.isEmpty && bot.record == nil)
    }

    @Test func aPauseBesideAnythingElseIsToldAndLeavesItAsItWas() {
        var bot = Machine()
        bot.sees(.undetermined("can't be asked"))
        let before = bot.machine.report
        bot.feed(Self.pause)
        #expect(bot.events == [.paused])
        #expect(bot.machine.report == before)
    }
}

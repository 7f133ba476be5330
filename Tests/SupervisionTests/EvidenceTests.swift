import Supervision
import Testing
import WireProtocol

/// How a target ended, where that becomes known after its death was told.
@Suite struct EvidenceTests {
    private static let waiting = Duration.seconds(5)

    /// A target whose death was told, and whose end is not known yet.
    private func deadBot(_ policy: RestartPolicy = .unlessStopped, grace: Duration? = nil) -> Machine {
        var bot = Machine(policy: policy, grace: grace)
        bot.sees(.alive(.life(1)))
        bot.feed(.observed(Observation(.dead(End(identity: .life(1), cause: .unknown)), grace: Self.waiting)))
        return bot
    }

    private func known(_ cause: End.Cause, deliberate: Bool = false, grace: Duration = .seconds(1)) -> Observation {
        Observation(.dead(End(identity: .life(1), cause: cause, isDeliberate: deliberate)), grace: grace)
    }

    @Test func aDeathIsToldAtOnceAndTheRestartWaitsToLearnMore() {
        let bot = deadBot()
        #expect(bot.events == [.died])
        #expect(bot.reports.first?.message == "bot died (PID 1); restarting within 5 s")
        #expect(bot.machine.deadline == bot.now.advanced(by: Self.waiting))
    }

    @Test func whatThePlatformAddsIsTold() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.sees(.dead(End(identity: .life(1), cause: .signal(6), detail: "its watchdog timed out")))
        #expect(
            bot.reports.first?.message
                == "bot was killed (PID 1): SIGABRT (6); its watchdog timed out; restarting now")
        bot.sees(.alive(.life(2)))
        bot.sees(
            .dead(End(identity: .life(2), cause: .signal(15), isDeliberate: true, detail: "docker stop was used")))
        #expect(
            bot.reports.first?.message == "bot was stopped by somebody (PID 2): SIGTERM (15); docker stop was used")
    }

    @Test func whatBecomesKnownIsEvidenceAndShortensTheWait() {
        var bot = deadBot()
        let died = bot.now
        bot.feed(.observed(known(.exit(code: 3))), after: .milliseconds(400))
        #expect(bot.events == [.evidence])
        #expect(bot.reports.first?.event?.exitCode == 3)
        #expect(bot.reports.first?.event?.pid == 1)
        #expect(bot.reports.first?.message == "bot died (PID 1): exit 3; restarting in 0.6 s")
        #expect(bot.machine.deadline == died.advanced(by: .seconds(1)))
        bot.feed(.observed(known(.exit(code: 3))), after: .milliseconds(100))
        #expect(bot.actions.isEmpty, "it is told once")
        bot.reachDeadline()
        #expect(bot.requestsStart)
    }

    @Test func whatBecomesKnownAfterTheShortGraceEndsTheWait() {
        var bot = deadBot()
        bot.feed(.observed(known(.signal(9))), after: .milliseconds(1600))
        #expect(bot.events == [.evidence])
        #expect(bot.reports.first?.message == "bot was killed (PID 1): SIGKILL (9); restarting now")
        #expect(bot.requestsStart)
    }

    @Test func whatIsNeverKnownEndsTheWaitToo() {
        var bot = deadBot()
        bot.reachDeadline()
        #expect(bot.requestsStart)
    }

    @Test(arguments: [(End.Cause.exit(code: 0), HeartbeatStatus.shutdown), (.exit(code: 78), .error)])
    func onFailureStartsNothingAfterAnEndThatWasNone(cause: End.Cause, status: HeartbeatStatus) {
        var bot = deadBot(.onFailure)
        bot.feed(.observed(known(cause)), after: .milliseconds(400))
        #expect(bot.machine.deadline == nil && !bot.requestsStart)
        #expect(bot.machine.report.status == status)
        #expect(bot.machine.attempt == 0)
        #expect(bot.events == [.evidence], "the death was told already")
    }

    @Test func whatTheNextRunnerLearnsOfADeathThatWasToldIsNoSecondDeath() {
        let first = deadBot(.onFailure)
        var next = Machine(policy: .onFailure, grace: nil, record: first.record)
        next.feed(.observed(Observation(.dead(End(identity: .life(1), cause: .unknown)), grace: Self.waiting)))
        #expect(next.events == [])
        next.feed(.observed(known(.exit(code: 78))), after: .milliseconds(200))
        #expect(next.events == [.evidence])
        #expect(next.machine.report.status == .error)
        #expect(next.machine.deadline == nil && !next.requestsStart)
    }

    @Test func onFailureRestartsAfterAFailure() {
        var bot = deadBot(.onFailure)
        bot.feed(.observed(known(.exit(code: 1))), after: .milliseconds(400))
        #expect(bot.events == [.evidence])
        #expect(bot.machine.deadline != nil)
    }

    @Test func somebodyElsesSignalTurnsOutDeliberate() {
        var bot = deadBot()
        bot.feed(.observed(known(.signal(15), deliberate: true)), after: .milliseconds(400))
        #expect(bot.events == [.stopped])
        #expect(bot.reports.first?.message == "bot was stopped by somebody (PID 1): SIGTERM (15)")
        #expect(bot.machine.report.status == .shutdown)
        #expect(bot.machine.deadline == nil)
    }

    @Test func aGraceThatIsSetIsNotShortened() {
        var bot = deadBot(grace: .seconds(3))
        let died = bot.now
        bot.feed(.observed(known(.exit(code: 3))), after: .milliseconds(400))
        #expect(bot.machine.deadline == died.advanced(by: .seconds(3)))
    }

    @Test func withoutGraceNothingIsWaitedForAndTheEvidenceFollows() {
        var bot = deadBot(grace: .zero)
        #expect(bot.requestsStart)
        bot.feed(.startPermitted)
        bot.feed(.finished(.up(.life(2), note: nil)))
        let report = bot.machine.report
        let state = bot.machine.state
        let former = End(identity: .life(1), cause: .signal(11))
        bot.feed(.observed(Observation(.alive(.life(2)), former: former)))
        #expect(bot.events == [.evidence])
        #expect(bot.reports.first?.message == "bot's former process was killed (PID 1): SIGSEGV (11)")
        #expect(bot.reports.first?.event?.signal == 11)
        #expect(bot.machine.report == report && bot.machine.state == state)
        bot.feed(.observed(Observation(.alive(.life(2)), memoryMB: 1, former: former)))
        #expect(bot.events.isEmpty)
    }

    @Test func evidenceThatComesDuringAnActionIsTold() {
        var bot = deadBot(grace: .zero)
        bot.feed(.startPermitted)
        bot.feed(.observed(known(.exit(code: 3))))
        #expect(bot.events == [.evidence])
        #expect(bot.machine.isOperating)
    }

    @Test func whatStaysDownIsToldAnew() {
        var bot = deadBot(.never)
        #expect(bot.events == [.died])
        bot.feed(.observed(known(.exit(code: 0))))
        #expect(bot.events == [.evidence])
        #expect(bot.machine.report.status == .shutdown)
        #expect(
            bot.machine.report.message
                == "bot ended by itself (PID 1): exit 0; the restart policy is never, so it stays down")
    }

    @Test func theEndOfAnotherLifeIsNoEvidence() {
        var bot = deadBot(grace: .zero)
        bot.feed(.startPermitted)
        bot.feed(.finished(.up(.life(2), note: nil)))
        bot.feed(.observed(Observation(.alive(.life(2)), former: End(identity: .life(7), cause: .exit(code: 3)))))
        #expect(bot.events.isEmpty)
    }
}

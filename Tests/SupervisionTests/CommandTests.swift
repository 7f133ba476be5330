import Supervision
import Testing
import WireProtocol

@Suite struct CommandTests {
    @Test func aRestartOfALivingTarget() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(.commanded(.restart(7)))
        #expect(bot.requestsStart)
        bot.feed(.startPermitted)
        #expect(bot.performed == [.restart])
        #expect(bot.record?.phase == .operating(.restart, before: .life(1), command: CommandTicket.restart(7).key))
        bot.seesDeath(of: 1, cause: .signal(15))
        #expect(bot.actions.isEmpty, "its own stop is no death")
        bot.feed(.finished(.up(.life(2), note: nil)))
        bot.reachDeadline()
        #expect(bot.results == [.completed])
        #expect(bot.events == [.restarted])
    }

    @Test func aRestartThatDoesNotStayUpHasFailed() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(.commanded(.restart(7)))
        bot.feed(.startPermitted)
        bot.feed(.finished(.up(.life(2), note: nil)))
        bot.seesDeath(of: 2, cause: .exit(code: 3), after: .seconds(1))
        #expect(bot.results == [.failed])
        #expect(bot.events == [.died])
        #expect(bot.machine.deadline != nil, "the policy goes on")
    }

    @Test func whatAStopHasLeftIsNamed() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(.commanded(.stop(7)))
        bot.feed(.finished(.downLeaving("process 123, which belonged to it, still runs")))
        #expect(bot.machine.report.status == .shutdown)
        let told = bot.reports.first?.message
        #expect(told?.hasSuffix("; process 123, which belonged to it, still runs") == true)
        #expect(bot.resolved == ["bot is stopped; process 123, which belonged to it, still runs"])
        #expect(bot.machine.isHeld)
    }

    @Test func aStopHoldsUntilARestart() {
        var bot = Machine(policy: .always)
        bot.sees(.alive(.life(1)))
        bot.feed(.commanded(.stop(7)))
        #expect(bot.performed == [.stop])
        #expect(bot.record?.isHeld == true, "the hold is on the disk before the signal")
        bot.seesDeath(of: 1, cause: .signal(15))
        bot.feed(.finished(.down))
        #expect(bot.results == [.completed])
        #expect(bot.machine.report.status == .shutdown)
        bot.seesDeath(of: 1)
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
        bot.feed(.commanded(.restart(8)))
        #expect(bot.requestsStart)
        #expect(!bot.machine.isHeld)
    }

    @Test func aRestartAndAnAutomaticOneNeverRunAtOnce() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        bot.feed(.startPermitted)
        #expect(bot.performed == [.recover])
        bot.feed(.commanded(.restart(7)))
        #expect(bot.actions.isEmpty, "it waits for the action in hand")
        bot.feed(.finished(.up(.life(2), note: nil)))
        #expect(bot.requestsStart, "now it is its turn")
        bot.feed(.startPermitted)
        #expect(bot.performed == [.restart])
    }

    @Test func aRestartTakesOverOneThatIsPlanned() {
        var bot = Machine(grace: .seconds(60))
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        bot.feed(.commanded(.restart(7)))
        #expect(bot.requestsStart, "a person asks: no back-off")
        bot.feed(.startPermitted)
        #expect(bot.performed == [.recover])
        bot.feed(.finished(.up(.life(2), note: nil)))
        bot.reachDeadline()
        #expect(bot.results == [.completed])
        #expect(bot.machine.attempt == 1)
    }

    @Test func aStopCancelsAPlannedRestart() {
        var bot = Machine(grace: .seconds(60))
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        bot.feed(.commanded(.stop(7)))
        #expect(bot.results == [.completed])
        #expect(bot.machine.deadline == nil && bot.performed.isEmpty)
        #expect(bot.machine.isHeld)
    }

    @Test func aStopCancelsARestartThatWaitsForAPermit() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        bot.feed(.commanded(.stop(7)))
        #expect(bot.releasesStart)
        bot.feed(.startPermitted)
        #expect(bot.performed.isEmpty)
    }

    @Test func commandsWaitInOrder() {
        var bot = Machine()
        bot.feed(.commanded(.stop(1)))
        bot.feed(.commanded(.restart(2)))
        #expect(bot.actions.isEmpty, "nothing is known yet")
        bot.sees(.alive(.life(1)))
        #expect(bot.performed == [.stop])
        bot.feed(.finished(.down))
        #expect(bot.results == [.completed])
        #expect(bot.requestsStart)
        bot.feed(.startPermitted)
        #expect(bot.performed == [.recover])
    }

    @Test func anExpiredCommandIsNotCarriedOut() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(.commanded(.restart(7, expires: bot.now)))
        #expect(bot.results == [.failed])
        #expect(!bot.requestsStart)
    }

    @Test func aCommandThatExpiresWhileItWaitsForAPermitIsNotCarriedOut() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(.commanded(.restart(7, expires: bot.now.advanced(by: .seconds(1)))))
        bot.feed(.startPermitted, after: .seconds(2))
        #expect(bot.results == [.failed])
        #expect(bot.performed.isEmpty && bot.releasesStart)
        #expect(bot.machine.state == .running(since: BootInstant(sinceBoot: .seconds(10_002))))
    }

    @Test func anExpiredCommandLeavesDownWhatOnlyItWantedUp() {
        var bot = Machine(policy: .never)
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        bot.feed(.commanded(.restart(7, expires: bot.now.advanced(by: .seconds(1)))))
        bot.feed(.startPermitted, after: .seconds(2))
        #expect(bot.results == [.failed])
        #expect(bot.performed.isEmpty && bot.machine.deadline == nil)
    }

    @Test func whatCannotBeRestartedIsNotStoppedForIt() {
        var bot = Machine()
        bot.sees(.alive(.life(1)), obstacle: "it belongs to another user")
        bot.feed(.commanded(.restart(7)))
        #expect(bot.results == [.failed])
        #expect(bot.performed.isEmpty && !bot.requestsStart)
    }

    @Test func aFailedStopIsToldAndTheTargetIsWatchedOn() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(.commanded(.stop(7)))
        bot.feed(.finished(.failed("it does not die", isPermanent: false)))
        #expect(bot.results == [.failed])
        bot.seesDeath(of: 1)
        #expect(bot.machine.report.status == .shutdown, "it was asked to be down, and is")
        #expect(!bot.requestsStart)
    }

    @Test func aRunnerThatStopsBeginsNothing() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(.runnerStopping)
        bot.feed(.commanded(.restart(7)))
        #expect(bot.results == [.failed])
        bot.seesDeath(of: 1)
        #expect(bot.events == [.died])
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
        #expect(bot.record?.phase == .waiting(due: bot.now), "the next runner finds the plan")
    }

    @Test func aRunnerThatStopsFinishesTheActionInHand() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(.commanded(.restart(7)))
        bot.feed(.startPermitted)
        bot.feed(.runnerStopping)
        #expect(bot.machine.isOperating)
        bot.feed(.finished(.up(.life(2), note: nil)))
        #expect(bot.record?.phase == .settling(command: CommandTicket.restart(7).key))
    }
}

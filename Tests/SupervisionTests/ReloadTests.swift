import Supervision
import Testing
import WireProtocol

@Suite struct ReloadTests {
    @Test func whatIsWithdrawnSaysGoodbyeAndEnds() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(.withdrawn)
        #expect(bot.events == [.unwatched])
        #expect(bot.machine.report.status == .shutdown)
        bot.seesDeath(of: 1)
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
    }

    @Test func anActionInHandEndsFirst() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(.commanded(.restart(7)))
        bot.feed(.startPermitted)
        bot.feed(.withdrawn)
        #expect(bot.events.isEmpty && bot.machine.isOperating)
        bot.feed(.finished(.up(.life(2), note: nil)))
        #expect(bot.events == [.started, .unwatched])
        #expect(bot.results == [.failed])
        #expect(bot.resolved == ["outcome unknown: it is not watched any more"])
    }

    @Test func whatWaitsIsNotCarriedOut() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(.commanded(.restart(7)))
        bot.feed(.commanded(.stop(8)))
        bot.feed(.withdrawn)
        #expect(bot.resolved == Array(repeating: "not carried out: it is not watched any more", count: 2))
        #expect(bot.releasesStart && bot.performed.isEmpty)
        bot.feed(.commanded(.restart(9)))
        #expect(bot.resolved == ["not carried out: it is not watched any more"])
    }

    @Test func anotherPolicyIsThatOfTheNextDeath() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(.configured(TargetSettings(policy: .never, grace: .zero)))
        #expect(bot.reports.isEmpty)
        bot.seesDeath(of: 1)
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
    }

    @Test func aStartThatTheNewPolicyDoesNotWantIsGivenUp() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1, cause: .exit(code: 3))
        bot.feed(.configured(TargetSettings(policy: .never)))
        #expect(bot.releasesStart)
        #expect(bot.machine.report.message == "bot is not restarted: the restart policy is never now")
        #expect(bot.machine.deadline == nil)
    }

    @Test(arguments: [RestartPolicy.unlessStopped, .onFailure, .always]) func aStartThatTheNewPolicyWantsGoesOn(
        _ policy: RestartPolicy
    ) {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1, cause: .exit(code: 3))
        bot.feed(.configured(TargetSettings(policy: policy)))
        #expect(!bot.releasesStart)
        bot.feed(.startPermitted)
        #expect(bot.performed == [.recover])
    }
}

import Supervision
import Testing
import WireProtocol

@Suite struct UndeterminedTests {
    @Test func theReasonIsToldAfterTheAgentsName() {
        var bot = Machine()
        bot.sees(.undetermined("PID file is empty"))
        #expect(bot.machine.report.message == "bot: PID file is empty")
        bot.feed(
            .observed(Observation(.alive(.life(1)), obstacle: "it is in a container", concern: "PID file is gone")))
        #expect(
            bot.machine.report.message
                == "bot was started (PID 1); PID file is gone; it can't be restarted: it is in a container")
        bot.feed(.observed(Observation(.alive(.life(1)), concern: "PID file is gone")))
        #expect(bot.machine.report.message == "bot: PID file is gone")
        bot.sees(.alive(.life(1)), obstacle: "it is in a container")
        #expect(bot.machine.report.message == "bot is watched, and can't be restarted: it is in a container")
    }

    @Test func unknownIsNotDown() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.sees(.undetermined("the bus is gone"))
        #expect(bot.events == [.unknown])
        #expect(bot.machine.report.status == .warning)
        bot.sees(.undetermined("the bus is gone"))
        #expect(bot.actions.isEmpty, "told once")
        bot.sees(.alive(.life(1)))
        #expect(bot.events == [.recovered])
    }

    @Test func aDeathDuringTheDoubtIsADeath() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.sees(.undetermined("?"))
        bot.seesDeath(of: 1)
        #expect(bot.events == [.died])
        #expect(bot.requestsStart)
    }

    @Test func aPlannedRestartWaitsForCertainty() {
        var bot = Machine(grace: .seconds(1))
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        bot.sees(.undetermined("?"))
        #expect(bot.machine.deadline == nil)
        bot.feed(.deadlineReached, after: .seconds(10))
        #expect(bot.performed.isEmpty && !bot.requestsStart)
        bot.seesDeath(of: 1)
        #expect(bot.requestsStart)
    }

    @Test func whatWasStoppedStaysStoppedThroughDoubt() {
        var bot = Machine(policy: .always)
        bot.sees(.alive(.life(1)))
        bot.feed(.commanded(.stop(1)))
        bot.feed(.finished(.down))
        bot.sees(.undetermined("?"))
        bot.seesDeath(of: 1)
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
        #expect(bot.machine.report.status == .shutdown)
    }

    @Test func whatEndedOnPurposeIsNotRestartedAfterDoubt() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1, cause: .signal(15), deliberate: true)
        bot.sees(.undetermined("?"))
        bot.seesDeath(of: 1, cause: .signal(15), deliberate: true)
        #expect(bot.events.isEmpty)
        #expect(bot.machine.report.status == .shutdown)
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
    }

    @Test func commandsAreNotCarriedOutInDoubt() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.sees(.undetermined("doubtful PID file"))
        for ticket in [CommandTicket.restart(1), .stop(2)] {
            bot.feed(.commanded(ticket))
            #expect(bot.results == [.failed])
            #expect(bot.performed.isEmpty && !bot.requestsStart)
        }
    }

    @Test func anotherSupervisorIsLeftAlone() {
        var bot = Machine(policy: .always)
        bot.sees(.alive(.life(1)))
        bot.sees(.handledElsewhere("auto-restart"))
        #expect(bot.machine.report.status == .warning)
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
        bot.sees(.alive(.life(2)))
        #expect(bot.events == [.started])
    }
}

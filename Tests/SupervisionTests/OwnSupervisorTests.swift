import Supervision
import Testing
import WireProtocol

/// Targets that have a supervisor of their own, which is left to bring them back.
@Suite struct OwnSupervisorTests {
    static let restarting = Observation.Liveness.handledElsewhere("is brought back by systemd itself")

    @Test func aDeathLeftToItsOwnSupervisorIsToldOnceWithItsCause() {
        var bot = Machine(logTail: 20)
        bot.sees(.alive(.life(1)))
        bot.ends(1, Self.restarting)
        #expect(bot.events == [.died])
        #expect(bot.reports.map(\.message) == ["bot died (PID 1): exit 1; its own supervisor restarts it"])
        #expect(bot.machine.report.status == .warning)
        #expect(bot.gathered.count == 1)
        #expect(bot.performed.isEmpty && !bot.requestsStart && bot.machine.deadline == nil)
        bot.ends(1, Self.restarting)
        #expect(bot.events.isEmpty)
        bot.ends(1, .alive(.life(2)))
        #expect(bot.events == [.started])
    }

    /// A oneshot that a timer starts, for instance.
    @Test func whatAnotherSupervisorWasAtAndIsAsBeforeHasNotRecovered() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.sees(.handledElsewhere("runs, until it is done"))
        bot.sees(.alive(.life(1)))
        #expect(bot.events.isEmpty)
        #expect(bot.machine.report.status == .ok)
        bot.sees(.undetermined("no bus"))
        bot.sees(.alive(.life(1)))
        #expect(bot.events == [.recovered])
    }

    @Test func aDeathThatSomebodyWasQuickerWithIsTold() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.ends(1, .alive(.life(2)))
        #expect(bot.events == [.died, .started])
        #expect(
            bot.reports.map(\.message) == [
                "bot died (PID 1): exit 1; it was brought back, not by this runner",
                "bot runs as a new process (PID 2)",
            ])
    }

    @Test func aStopAndStartBySomebodyIsNoDeath() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        let stopped = End(identity: .life(1), cause: .signal(15), isDeliberate: true)
        bot.feed(.observed(Observation(.alive(.life(2)), former: stopped)))
        #expect(bot.events == [.started])
    }

    @Test func livesThatPassedBetweenTwoLooksAreTold() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.ends(1, Self.restarting)
        bot.ends(2, Self.restarting)
        #expect(bot.events == [.died])
        bot.ends(2, .alive(.life(3)))
        #expect(bot.events == [.started])
    }

    @Test func aCrashLoopOfItsOwnSupervisorIsToldOnceUntilItIsOver() {
        var bot = Machine()
        var told: [String?] = []
        func live(_ life: Int, after pause: Duration) {
            bot.sees(.alive(.life(life)), after: pause)
            bot.ends(life, Self.restarting)
            told += bot.reports.filter { $0.event?.kind == .crashLoop }.map(\.message)
        }
        for life in 1...8 { live(life, after: .seconds(10)) }
        let message = "bot is in a crash loop: 6 restarts in 10 min; it is left to its own supervisor"
        #expect(told == [message])
        #expect(bot.machine.attempt == 0)
        live(9, after: .seconds(700))
        for life in 10...14 { live(life, after: .seconds(10)) }
        #expect(told == [message, message])
    }

    @Test func whatItsOwnSupervisorGivesUpIsRestartedAndItsDeathNotToldAgain() {
        var bot = Machine(logTail: 20)
        bot.sees(.alive(.life(1)))
        bot.ends(1, Self.restarting)
        bot.sees(.dead(End(identity: .life(1), cause: .exit(code: 1))), after: .seconds(10))
        #expect(bot.events == [.restartFailed])
        #expect(
            bot.reports.first?.message
                == "bot died (PID 1): exit 1; its own supervisor has given up; restarting now (2nd try in 10 min)")
        #expect(bot.gathered.isEmpty)
        #expect(bot.requestsStart)
    }

    @Test func theNextRunnerKnowsWhichDeathWasTold() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.ends(1, Self.restarting)
        var next = Machine(record: bot.machine.record)
        next.ends(1, Self.restarting)
        #expect(next.events.isEmpty)
        next.ends(1, .alive(.life(2)))
        #expect(next.events == [.started])
        #expect(next.machine.record.toldEnd == nil)
        // What happened while no runner was there is told by the next one.
        next = Machine(record: next.machine.record)
        next.ends(2, .alive(.life(3)))
        #expect(next.events == [.died, .started])
    }

    @Test func whatHadEndedBeforeAnybodyLookedIsNotTold() {
        var bot = Machine()
        bot.ends(1, Self.restarting)
        bot.ends(1, Self.restarting)
        #expect(bot.events.isEmpty)
        bot.ends(2, Self.restarting)
        #expect(bot.events == [.died])
    }
}

extension Machine {
    /// Sees this with the word that a life has ended.
    fileprivate mutating func ends(_ life: Int, _ liveness: Observation.Liveness) {
        feed(.observed(Observation(liveness, former: End(identity: .life(life), cause: .exit(code: 1)))))
    }
}

import Supervision
import Testing
import WireProtocol

@Suite struct RestartTests {
    @Test func whatIsUnhealthyIsTriedAgainWhenItsRestartFailed() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.sees(.unhealthy(.life(1), "no answer"))
        bot.feed(.startPermitted)
        #expect(bot.performed == [.restart])
        bot.feed(.finished(.failed("it does not end", isPermanent: false)))
        #expect(bot.events == [.restartFailed])
        bot.reachDeadline()
        bot.feed(.startPermitted)
        #expect(bot.performed == [.restart])
    }

    @Test(arguments: [CommandTicket.restart(1), .stop(1)])
    func whatIsUnhealthyStaysAnErrorWhenACommandFailed(command: CommandTicket) {
        var bot = Machine(policy: .never)
        bot.sees(.alive(.life(1)))
        bot.sees(.unhealthy(.life(1), "no answer"))
        bot.feed(.commanded(command))
        bot.feed(.startPermitted)
        bot.feed(.finished(.failed("it does not end", isPermanent: false)))
        #expect(bot.results == [.failed])
        #expect(bot.machine.report.status == .error)
        bot.sees(.alive(.life(1)))
        #expect(bot.events == [.recovered])
    }

    @Test func whatIsStartedAndEndsAsItMayStaysDown() {
        var bot = Machine(policy: .onFailure)
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1, cause: .exit(code: 1))
        bot.feed(.startPermitted)
        bot.seesDeath(of: 2, cause: .exit(code: 0))
        bot.feed(.finished(.failed("it ended at once", isPermanent: false)))
        #expect(bot.events == [.exited])
        #expect(bot.machine.deadline == nil && bot.machine.report.status == .shutdown)
    }

    @Test(arguments: [(1, false), (2, true)])
    func whatTheActionItselfMayHaveEndedIsTriedAgain(life: Int, deliberate: Bool) {
        var bot = Machine(policy: .onFailure)
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1, cause: .exit(code: 1))
        bot.feed(.startPermitted)
        bot.seesDeath(of: life, cause: .exit(code: 0), deliberate: deliberate)
        bot.feed(.finished(.failed("it did not come up", isPermanent: false)))
        #expect(bot.events == [.restartFailed])
        #expect(bot.machine.deadline != nil)
    }

    @Test func aDeathThatACommandFindsIsToldAndTheCommandGoesOn() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(.commanded(.restart(1)))
        bot.feed(.startPermitted)
        #expect(bot.performed == [.restart])
        bot.feed(.finished(.foundEnded(End(identity: .life(1), cause: .signal(9)))))
        #expect(bot.events == [.died])
        #expect(bot.performed == [.recover])
        // Whoever observes comes later, and tells nothing new.
        bot.seesDeath(of: 1, cause: .signal(9))
        #expect(bot.events == [])
        bot.feed(.finished(.up(.life(2), note: nil)))
        bot.reachDeadline()
        #expect(bot.results == [.completed])
    }

    @Test func aDeathThatAStopFindsIsToldAndItStaysDown() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(.commanded(.stop(1)))
        bot.feed(.finished(.foundEnded(End(identity: .life(1), cause: .signal(9)))))
        #expect(bot.events == [.died, .stopped])
        #expect(bot.results == [.completed])
        #expect(bot.machine.isHeld && bot.machine.deadline == nil)
    }

    @Test func aDeathWhileACommandWaitsForItsPermitIsTold() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(.commanded(.restart(1)))
        bot.seesDeath(of: 1, cause: .signal(9))
        #expect(bot.events == [.died])
        bot.feed(.startPermitted)
        #expect(bot.performed == [.recover])
    }

    @Test(arguments: [(3, nil), (6, CommandResult.Status.completed)])
    func whatAnEarlierRunnerBroughtUpHasTheTimeThatItWasUp(seconds: Int, result: CommandResult.Status?) {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(.commanded(.restart(1)))
        bot.feed(.startPermitted)
        let second = Identity(token: "life-2", pid: 2, began: bot.now)
        bot.feed(.finished(.up(second, note: nil)))
        var next = Machine(record: bot.machine.record)
        next.sees(.alive(second), after: .seconds(seconds))
        next.reachDeadline()
        #expect(next.results == [.completed])
        #expect(bot.now.duration(to: next.now) == .seconds(max(5, seconds)))
        // Ended while nobody looked: it had come up all the same.
        var blind = Machine(record: bot.machine.record)
        blind.sees(.dead(End(identity: second, cause: .unknown)), after: .seconds(seconds))
        #expect(blind.results == [result ?? .failed])
    }

    @Test func whatTheNextRunnerFindsStoppedByAPersonStaysDown() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        bot.comeUp(as: 2)
        bot.seesDeath(of: 2)
        var next = Machine(record: bot.machine.record)
        next.seesDeath(of: 2, cause: .signal(15), deliberate: true)
        #expect(next.machine.deadline == nil && !next.requestsStart)
        #expect(next.events == [.stopped])
    }

    @Test func whatIsUnhealthyAndThenStoppedByAPersonStaysDown() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.sees(.unhealthy(.life(1), "no answer"))
        bot.comeUp(as: 2)
        bot.sees(.unhealthy(.life(2), "no answer"))
        #expect(bot.machine.deadline != nil)
        bot.seesDeath(of: 2, cause: .signal(15), deliberate: true)
        #expect(bot.machine.deadline == nil)
        #expect(bot.events == [.stopped])
    }

    @Test func aDeathIsToldAndTheFirstRestartIsAskedForAtOnce() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1, cause: .signal(9))
        #expect(bot.events == [.died])
        #expect(bot.reports.first?.event?.signal == 9)
        #expect(bot.reports.first?.event?.pid == 1)
        #expect(bot.reports.first?.message == "bot was killed (PID 1): SIGKILL (9); restarting now")
        #expect(bot.requestsStart)
        bot.feed(.startPermitted)
        #expect(bot.performed == [.recover])
        // A recovery does not wait for the disk.
        #expect(bot.record?.phase == .operating(.recover, before: nil, command: nil))
        #expect(bot.order == ["perform", "persist"])
    }

    @Test(arguments: [CommandTicket.restart(1), .stop(1)])
    func whatSignalsIsOnTheDiskBeforeItBegins(command: CommandTicket) {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.feed(.commanded(command))
        if bot.requestsStart { bot.feed(.startPermitted) }
        #expect(bot.order == ["persist", "perform"])
    }

    @Test func aRestartCountsWhenTheNewLifeHasStayedUp() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        bot.feed(.startPermitted)
        bot.feed(.finished(.up(.life(2), note: nil)))
        #expect(bot.events == [.started])
        #expect(bot.machine.report.status == .warning)
        #expect(bot.releasesStart)
        bot.sees(.alive(.life(2)), after: .seconds(1))
        #expect(bot.actions.isEmpty)
        bot.feed(.deadlineReached, after: .seconds(1))
        #expect(bot.actions.isEmpty, "a timer that rings too early decides nothing")
        bot.reachDeadline()
        #expect(bot.events == [.restarted])
        #expect(bot.machine.report.status == .ok)
    }

    @Test func whatIsOfConcernAboutANewLifeIsToldWhileItIsSo() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        bot.feed(.startPermitted)
        bot.feed(.finished(.up(.life(2), note: nil)))
        // The watcher tells it once.
        bot.feed(.observed(Observation(.alive(.life(2)), concern: "PID file is gone")))
        #expect(bot.machine.report.status == .warning)
        bot.reachDeadline()
        #expect(bot.events == [.restarted])
        #expect(bot.machine.report.status == .warning)
        #expect(bot.machine.report.message == "bot is up again (PID 2); PID file is gone")
        bot.sees(.alive(.life(2)))
        #expect(bot.machine.report.status == .ok)
    }

    @Test func graceAndBackoffAddUpAndGrow() {
        var bot = Machine(grace: .seconds(2))
        bot.sees(.alive(.life(1)))
        var waits: [Double] = []
        for life in 1...12 {
            bot.seesDeath(of: life)
            guard let due = bot.machine.deadline else {
                Issue.record("nothing is planned after death \(life)")
                return
            }
            waits.append(bot.now.duration(to: due).wireSeconds - 2)
            bot.reachDeadline()
            bot.feed(.startPermitted)
            bot.feed(.finished(.up(.life(life + 1), note: nil)))
        }
        let nominal: [Double] = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
        for (wait, nominal) in zip(waits, nominal) {
            #expect(wait >= nominal * 0.8 - 1e-9 && wait <= nominal * 1.2 + 1e-9)
        }
        #expect(Set(waits.map { Int($0 * 1000) }).count > 9, "jitter spreads the waits")
    }

    @Test func theSameEventsGiveTheSameActions() {
        var first = Machine()
        var second = Machine()
        for life in 1...5 {
            for bot in [0, 1] {
                if bot == 0 { first.sees(.alive(.life(life))) } else { second.sees(.alive(.life(life))) }
                if bot == 0 { first.seesDeath(of: life) } else { second.seesDeath(of: life) }
            }
            #expect(first.actions == second.actions)
        }
    }

    @Test func tenMinutesOfHealthStartAfresh() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        for life in 1...3 {
            bot.seesDeath(of: life)
            bot.comeUp(as: life + 1)
        }
        #expect(bot.machine.attempt == 3)
        bot.reachDeadline()
        #expect(bot.machine.attempt == 0)
        #expect(bot.machine.deadline == nil)
        bot.seesDeath(of: 4)
        #expect(bot.reports.first?.event?.attempt == 1)
        #expect(bot.requestsStart)
    }

    @Test func moreThanFiveRestartsInTenMinutesAreACrashLoopToldOnce() {
        var bot = Machine(backoff: Backoff(initial: .zero, maximum: .zero))
        bot.sees(.alive(.life(1)))
        var told: [Int] = []
        for life in 1...10 {
            bot.seesDeath(of: life)
            if bot.events.contains(.crashLoop) { told.append(life) }
            #expect(bot.requestsStart || bot.machine.deadline != nil, "it goes on at its pace")
            if case .backoff = bot.machine.state { bot.reachDeadline() }
            bot.feed(.startPermitted)
            bot.feed(.finished(.up(.life(life + 1), note: nil)))
        }
        #expect(told == [7], "six restarts have begun when the seventh death comes")
    }

    @Test func aFailedStartIsTriedAgainWithBackoff() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        bot.feed(.startPermitted)
        bot.feed(.finished(.failed("the executable is gone", isPermanent: false)))
        #expect(bot.events == [.restartFailed])
        #expect(bot.releasesStart)
        #expect(bot.machine.deadline.map { bot.now < $0 } == true)
    }

    @Test func whatHindersAStartIsToldOnceAndCountsAsNoTry() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        for round in 0..<20 {
            if round > 0 { bot.reachDeadline() }
            bot.feed(.startPermitted)
            #expect(bot.performed == [.recover])
            #expect(bot.events == (round == 0 ? [.restarting] : []))
            bot.feed(.finished(.blocked("its child lives")))
            #expect(
                bot.reports.compactMap(\.message)
                    == (round == 0 ? ["bot can't be restarted yet: its child lives; tried again every 5 s"] : []))
            #expect(bot.machine.window.count(at: bot.now) == 0)
            let wait = bot.now.duration(to: bot.machine.deadline ?? bot.now)
            #expect(wait >= .seconds(4) && wait <= .seconds(6))
        }
        bot.reachDeadline()
        bot.feed(.startPermitted)
        bot.feed(.finished(.blocked("the disk is full")))
        #expect(bot.events == [.restartFailed])
        bot.comeUp(as: 2)
        #expect(bot.reports.last?.message == "bot is up again (PID 2)")
        #expect(bot.machine.attempt == 1)
    }

    @Test(arguments: [RestartPolicy.unlessStopped, .never]) func aHinderedCommandFailsWithTheReason(
        policy: RestartPolicy
    ) {
        var bot = Machine(policy: policy)
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        bot.feed(.commanded(.restart(1)))
        bot.feed(.startPermitted)
        bot.feed(.finished(.blocked("its child lives")))
        #expect(bot.results == [.failed])
        #expect(bot.reports.first?.message?.contains("its child lives") == true)
    }

    @Test func whatIsGoneAfterADoubtIsToldAsGone() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1, deliberate: true)
        bot.sees(.undetermined("is being removed"))
        bot.sees(.missing("there is no such container"))
        #expect(bot.reports.last?.message == "bot there is no such container")
        #expect(bot.events == [])
    }

    @Test func startsThatFailAreACrashLoopToo() {
        var bot = Machine(backoff: Backoff(initial: .zero, maximum: .zero))
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        var told: [String?] = []
        for _ in 1...10 {
            if case .backoff = bot.machine.state { bot.reachDeadline() }
            bot.feed(.startPermitted)
            bot.feed(.finished(.failed("no", isPermanent: false)))
            told += bot.reports.filter { $0.event?.kind == .crashLoop }.map(\.message)
            if told.isEmpty, bot.reports.count == 1, bot.machine.window.count(at: bot.now) == 2 {
                #expect(bot.reports.first?.message?.hasSuffix(" (3rd try in 10 min)") == true)
            }
        }
        #expect(told == ["bot is in a crash loop: 6 tries to start it in 10 min; it is tried again at the capped pace"])
    }

    @Test func aPermanentFailureIsToldAndEndsTheTrying() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        bot.feed(.startPermitted)
        bot.feed(.finished(.failed("it belongs to another user", isPermanent: true)))
        #expect(bot.events == [.restartFailed])
        #expect(bot.machine.deadline == nil)
        #expect(bot.machine.report.status == .error)
    }

    @Test func aStopOfSomebodyElseInTheMiddleOfARestartWins() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1, cause: .signal(9))
        bot.feed(.startPermitted)
        bot.feed(.finished(.overruled("somebody cancelled it")))
        #expect(bot.machine.report.status == .shutdown)
        #expect(bot.machine.report.message == "bot stays down: somebody cancelled it")
        #expect(bot.machine.deadline == nil)
        // The old death is no news.
        bot.seesDeath(of: 1, cause: .signal(9))
        #expect(bot.machine.deadline == nil && bot.performed.isEmpty)
        bot.sees(.alive(.life(2)))
        #expect(bot.machine.report.status == .ok)
    }

    @Test func aLifeThatEndedWhileItsStartWasReportedIsADeath() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        bot.feed(.startPermitted)
        bot.seesDeath(of: 2, cause: .exit(code: 1))
        #expect(bot.actions.isEmpty, "it is judged when the action has ended")
        bot.feed(.finished(.up(.life(2), note: nil)))
        #expect(bot.events == [.started, .died])
        #expect(bot.machine.deadline != nil)
    }

    @Test func aDaemonThatForksMovesTheTrial() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        bot.feed(.startPermitted)
        bot.feed(.finished(.up(.life(2), note: nil)))
        bot.sees(.alive(.life(3)), after: .seconds(4))
        #expect(bot.events.isEmpty, "no death, no second start")
        #expect(bot.machine.life == .life(3))
        bot.reachDeadline()
        #expect(bot.events == [.restarted])
    }

    @Test func somebodyElseBringsItBackDuringTheGrace() {
        var bot = Machine(grace: .seconds(5))
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        bot.sees(.alive(.life(2)), after: .seconds(1))
        #expect(bot.events == [.recovered])
        #expect(bot.machine.deadline.map { bot.now.duration(to: $0) > .seconds(60) } ?? true)
        bot.feed(.deadlineReached, after: .seconds(10))
        #expect(bot.performed.isEmpty && !bot.requestsStart)
    }

    @Test func somebodyElseBringsItBackWhileItWaitsForAPermit() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        #expect(bot.requestsStart)
        bot.sees(.alive(.life(2)))
        #expect(bot.releasesStart)
        bot.feed(.startPermitted)
        #expect(bot.performed.isEmpty, "the permit was on its way when the wish was withdrawn")
        #expect(bot.releasesStart)
    }

    @Test func aDeathThatTurnsOutDeliberateIsNotRestarted() {
        var bot = Machine(grace: .seconds(1))
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        #expect(bot.events == [.died])
        bot.seesDeath(of: 1, cause: .signal(15), deliberate: true, after: .milliseconds(300))
        #expect(bot.events == [.stopped])
        #expect(bot.machine.report.status == .shutdown)
        #expect(bot.machine.deadline == nil)
    }

    @Test func unhealthyTargetsAreRestartedAndRecoverByThemselves() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.sees(.unhealthy(.life(1), "3 checks failed"))
        #expect(bot.events == [.unhealthy])
        bot.feed(.startPermitted)
        #expect(bot.performed == [.restart])
        bot.feed(.finished(.up(.life(2), note: nil)))
        bot.sees(.unhealthy(.life(2), "again"))
        #expect(bot.events == [.unhealthy])
        bot.sees(.alive(.life(2)))
        #expect(bot.events == [.recovered])
    }
}

@Suite struct PolicyTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var policy: RestartPolicy
        var cause: End.Cause
        var deliberate: Bool
        var restarts: Bool

        var testDescription: String { "\(policy.rawValue) after \(cause), deliberate: \(deliberate)" }
    }

    static let table: [Case] = {
        let causes: [End.Cause] = [
            .exit(code: 0), .exit(code: 1), .exit(code: 78), .signal(15), .signal(9), .outOfMemory, .unknown,
        ]
        var table: [Case] = []
        for cause in causes {
            for deliberate in [false, true] {
                let isTidy = cause == .exit(code: 0) || cause == .exit(code: 78)
                table.append(.init(policy: .always, cause: cause, deliberate: deliberate, restarts: true))
                table.append(.init(policy: .never, cause: cause, deliberate: deliberate, restarts: false))
                table.append(
                    .init(policy: .unlessStopped, cause: cause, deliberate: deliberate, restarts: !deliberate))
                table.append(
                    .init(policy: .onFailure, cause: cause, deliberate: deliberate, restarts: !deliberate && !isTidy))
            }
        }
        return table
    }()

    @Test(arguments: table) func everyEndUnderEveryPolicy(_ row: Case) {
        var bot = Machine(policy: row.policy)
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1, cause: row.cause, deliberate: row.deliberate)
        #expect(bot.requestsStart == row.restarts)
        #expect(bot.machine.report.status == .error || !row.restarts)
        if row.deliberate, !row.restarts { #expect(bot.machine.report.status == .shutdown) }
    }

    @Test(arguments: RestartPolicy.allCases) func whatCannotBeRestartedIsToldUnderEveryPolicy(_ policy: RestartPolicy) {
        var bot = Machine(policy: policy)
        bot.sees(.alive(.life(1)), obstacle: "it runs in a container")
        bot.sees(.dead(End(identity: .life(1), cause: .unknown)), obstacle: "it runs in a container")
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
        #expect(bot.machine.report.status == .error)
    }
}

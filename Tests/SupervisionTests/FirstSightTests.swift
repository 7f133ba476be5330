import Supervision
import Testing
import WireProtocol

@Suite struct FirstSightTests {
    private func record(
        life: Int? = nil, held: Bool = false, phase: TargetRecord.Phase = .idle, boot: String = Machine.boot
    ) -> TargetRecord {
        TargetRecord(bootID: boot, life: life.map(Identity.life), isHeld: held, phase: phase)
    }

    @Test func whatIsDownAtFirstSightIsReportedAndNotStarted() {
        var bot = Machine()
        bot.seesDeath(of: 1)
        #expect(bot.events == [.died])
        #expect(bot.machine.report.status == .error)
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
    }

    @Test func whatIsMissingAtFirstSightIsReportedAndNotStarted() {
        var bot = Machine()
        bot.sees(.missing("is not there: there is no PID file"))
        #expect(bot.events == [.missing])
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
        bot.sees(.alive(.life(1)), after: .seconds(60))
        #expect(bot.events == [.started])
    }

    @Test(arguments: [true, false]) func whatWasToldOfADeathIsStillTrueForTheNextRunner(afterADoubt: Bool) throws {
        var first = Machine(policy: .never)
        first.sees(.alive(.life(1)))
        first.seesDeath(of: 1, cause: .signal(9))
        let told = try #require(first.reports.last?.message)
        var next = Machine(policy: .never, record: first.record)
        if afterADoubt { next.sees(.undetermined("no /proc")) }
        next.seesDeath(of: 1, cause: .unknown)
        #expect(next.events == [])
        #expect(next.machine.report.status == .error)
        #expect(next.machine.report.message == told)
        // And for the one after it.
        var third = Machine(policy: .never, record: next.record ?? first.record)
        third.sees(.missing("there is no PID file"))
        #expect(third.events == [])
        #expect(third.machine.report.message == told)
        third.sees(.alive(.life(2)))
        #expect(third.events == [.started])
        #expect(third.record?.rest == nil)
    }

    @Test func thePolicyAlwaysStartsItAtFirstSight() {
        var bot = Machine(policy: .always)
        bot.seesDeath(of: 1)
        #expect(bot.requestsStart)
    }

    @Test func whatWasUpInThisBootDiedWhileTheRunnerWasAway() {
        var bot = Machine(record: record(life: 1))
        bot.seesDeath(of: 1)
        #expect(bot.events == [.died])
        #expect(bot.requestsStart)
    }

    @Test func whatWasUpInAnotherBootIsNotStarted() {
        var bot = Machine(record: record(life: 1, boot: "boot-0"))
        bot.seesDeath(of: 1)
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
    }

    @Test func theSameLifeIsNoNews() {
        var bot = Machine(record: record(life: 1))
        bot.sees(.alive(.life(1)))
        #expect(bot.events.isEmpty)
        #expect(bot.reports.map(\.status) == [.ok])
    }

    @Test func anotherLifeIsNews() {
        var bot = Machine(record: record(life: 1))
        bot.sees(.alive(.life(2)))
        #expect(bot.events == [.started])
    }

    @Test(arguments: ["boot-1", "boot-0"]) func aStopHoldsThroughRunnerAndReboot(_ boot: String) {
        var bot = Machine(policy: .always, record: record(held: true, boot: boot))
        bot.seesDeath(of: 1)
        #expect(bot.machine.report.status == .shutdown)
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
    }

    @Test func aStartBySomebodyElseEndsTheHold() {
        var bot = Machine(record: record(held: true))
        bot.sees(.alive(.life(2)))
        #expect(!bot.machine.isHeld)
        bot.seesDeath(of: 2)
        #expect(bot.requestsStart)
    }

    @Test func aPlannedRestartIsStillDone() {
        let due = BootInstant(sinceBoot: .seconds(10_003))
        var bot = Machine(record: record(phase: .waiting(due: due)))
        bot.seesDeath(of: 1)
        #expect(bot.machine.deadline == due)
    }

    @Test func aRunnerKilledBetweenStopAndStartEndsInAStartedProcess() {
        let key = CommandKey(endpoint: "e", id: 7)
        var bot = Machine(
            record: record(life: 1, phase: .operating(.restart, before: .life(1), command: key)))
        bot.seesDeath(of: 1)
        #expect(bot.requestsStart)
        bot.feed(.startPermitted)
        #expect(bot.performed == [.recover])
        bot.feed(.finished(.up(.life(2), note: nil)))
        #expect(bot.results.isEmpty)
        bot.reachDeadline()
        #expect(bot.results == [.completed])
    }

    @Test(arguments: [true, false])
    func whatEndedByItselfAndWaitsIsNotTakenForStoppedByTheNextRunner(isForgotten: Bool) {
        var first = Machine()
        first.sees(.alive(.life(1)))
        first.seesDeath(of: 1, cause: .exit(code: 0))
        #expect(first.requestsStart)
        // A manager tells later only that it is down and left nothing behind, as after a stop.
        let found = End(
            identity: isForgotten ? nil : .life(1), cause: isForgotten ? .unknown : .exit(code: 0), isDeliberate: true)
        var next = Machine(record: first.record)
        next.sees(.dead(found))
        #expect(next.requestsStart)
        #expect(!next.events.contains(.stopped))
    }

    /// It died once and came up again, was stopped, and is started by a command when its runner is killed.
    @Test(arguments: [true, false])
    func theEndOfAStopIsNoDeathForTheNextRunner(isSeen: Bool) throws {
        var first = Machine()
        first.sees(.alive(.life(1)))
        first.seesDeath(of: 1, cause: .signal(9))
        first.comeUp(as: 2)
        first.feed(.commanded(.stop(3)))
        if isSeen { first.seesDeath(of: 2, cause: .signal(15), deliberate: true) }
        first.feed(.commanded(.restart(4)))
        first.feed(.finished(.down))
        first.feed(.startPermitted)
        #expect(first.performed == [.recover])
        let left = try #require(first.record)
        var next = Machine(record: left)
        next.seesDeath(of: 2, cause: .signal(15), deliberate: true)
        #expect(!next.events.contains(.died))
        #expect(next.results == [])
        #expect(next.requestsStart)
    }

    @Test func whatTheNextRunnerSaysOfAStoppedTargetIsOfItsLastLife() throws {
        var first = Machine()
        first.sees(.alive(.life(1)))
        first.seesDeath(of: 1, cause: .exit(code: 3))
        first.comeUp(as: 2)
        first.feed(.commanded(.stop(3)))
        first.seesDeath(of: 2, cause: .signal(15), deliberate: true)
        first.feed(.finished(.down))
        first.feed(.commanded(.restart(4)))
        #expect(first.requestsStart)
        var next = Machine(record: first.record)
        next.seesDeath(of: 2, cause: .unknown)
        let message = try #require(next.machine.report.message)
        #expect(message.contains("PID 2") && !message.contains("exit 3"), "\(message)")
    }

    @Test(arguments: [true, false])
    func theEndOfAnInterruptedRestartIsNoDeathForTheRunnerAfterTheNext(isKnown: Bool) throws {
        let cause: End.Cause = isKnown ? .signal(15) : .unknown
        var before = record(life: 2, phase: .operating(.restart, before: .life(2), command: nil))
        before.toldEnd = End(identity: .life(1), cause: .signal(9))
        var next = Machine(record: before)
        next.seesDeath(of: 2, cause: cause)
        #expect(!next.events.contains(.died))
        let left = try #require(next.record)
        var third = Machine(record: left)
        third.seesDeath(of: 2, cause: cause)
        #expect(!third.events.contains(.died))
    }

    @Test func aRestartThatHadBegunIsCompletedByTheNewLife() {
        let key = CommandKey(endpoint: "e", id: 7)
        var bot = Machine(
            record: record(life: 1, phase: .operating(.restart, before: .life(1), command: key)))
        bot.sees(.alive(.life(2)))
        #expect(bot.performed.isEmpty && !bot.requestsStart)
        bot.reachDeadline()
        #expect(bot.results == [.completed])
    }

    @Test func aRestartWhoseOldLifeStaysUpHasAnUnknownOutcomeAndIsNotRepeated() {
        let key = CommandKey(endpoint: "e", id: 7)
        var bot = Machine(
            record: record(life: 1, phase: .operating(.restart, before: .life(1), command: key)))
        bot.sees(.alive(.life(1)))
        // What was ordered may go on without the runner that ordered it.
        #expect(bot.results.isEmpty)
        #expect(bot.machine.report.message == "bot is up; it was being restarted when the runner ended")
        bot.reachDeadline()
        #expect(bot.resolved == ["outcome unknown: the runner ended while it carried this out"])
        #expect(bot.performed.isEmpty && !bot.requestsStart)
        #expect(bot.machine.report.status == .ok)
    }

    @Test func aRestartThatGoesOnWithoutItsRunnerIsCompleted() {
        let key = CommandKey(endpoint: "e", id: 7)
        var bot = Machine(
            record: record(life: 1, phase: .operating(.restart, before: .life(1), command: key)))
        bot.sees(.alive(.life(1)))
        bot.sees(.alive(.life(2)), after: .seconds(10))
        bot.reachDeadline()
        #expect(bot.results == [.completed])
    }

    @Test func whatGoesOnWithoutItsRunnerIsRememberedAndHoldsUpCommands() {
        let key = CommandKey(endpoint: "e", id: 7)
        let interrupted = record(life: 1, phase: .operating(.restart, before: .life(1), command: key))
        var bot = Machine(record: interrupted)
        bot.sees(.alive(.life(1)))
        #expect(bot.machine.record.phase == interrupted.phase)
        bot.sees(.undetermined("the engine is gone"))
        #expect(bot.machine.record.phase == interrupted.phase)
        bot.sees(.alive(.life(1)))
        bot.feed(.commanded(.stop(8)))
        #expect(bot.performed.isEmpty && bot.results.isEmpty)
        bot.reachDeadline()
        #expect(bot.results == [.failed])
        #expect(bot.performed == [.stop])
    }

    @Test func whatWasUnhealthyAndOutlivesItsInterruptedRestartIsRestarted() {
        var bot = Machine(record: record(life: 1, phase: .operating(.restart, before: .life(1), command: nil)))
        bot.sees(.unhealthy(.life(1), "no answer"))
        #expect(bot.machine.deadline == bot.now.advanced(by: .seconds(30)))
        bot.reachDeadline()
        #expect(bot.events == [.unhealthy])
        #expect(bot.requestsStart)
    }

    /// Also if it was told already that it died, when its restart began, and only now that somebody had stopped it.
    @Test func whatSomebodyHadStoppedStaysDownThoughItsRestartHadBegun() {
        var first = Machine()
        first.sees(.alive(.life(1)))
        first.seesDeath(of: 1)
        first.feed(.startPermitted)
        #expect(first.performed == [.recover])
        var next = Machine(record: first.machine.record)
        next.seesDeath(of: 1, cause: .signal(15), deliberate: true)
        #expect(next.events == [.stopped])
        #expect(!next.requestsStart && next.machine.deadline == nil)
    }

    @Test func whatEndedWellStaysDownOnFailureThoughItsRestartHadBegun() {
        var bot = Machine(policy: .onFailure, record: record(phase: .operating(.recover, before: nil, command: nil)))
        bot.seesDeath(of: 2, cause: .exit(code: 0))
        #expect(bot.events == [.exited])
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
    }

    @Test func whatCameUpAndIsUnhealthyForTheNextRunnerIsRestarted() {
        let key = CommandKey(endpoint: "e", id: 7)
        var bot = Machine(record: record(life: 1, phase: .settling(command: key)))
        bot.sees(.unhealthy(.life(1), "no answer"))
        #expect(bot.results == [.failed])
        #expect(bot.events == [.unhealthy])
        #expect(bot.requestsStart || bot.machine.deadline != nil)
    }

    @Test func whatARunnerHadSignalledForARestartIsBroughtBackHoweverItEnds() {
        let key = CommandKey(endpoint: "e", id: 7)
        var bot = Machine(
            record: record(life: 1, phase: .operating(.restart, before: .life(1), command: key)))
        bot.sees(.alive(.life(1)))
        // It takes its time, and ends as it does when somebody stops it.
        bot.seesDeath(of: 1, cause: .signal(15), deliberate: true, after: .seconds(3))
        #expect(bot.requestsStart)
        #expect(bot.machine.attempt == 0)
        bot.feed(.startPermitted)
        #expect(bot.performed == [.recover])
    }

    @Test func aStopLongAfterAnInterruptedRestartIsAStop() {
        let key = CommandKey(endpoint: "e", id: 7)
        var bot = Machine(
            record: record(life: 1, phase: .operating(.restart, before: .life(1), command: key)))
        bot.sees(.alive(.life(1)))
        bot.reachDeadline()
        bot.seesDeath(of: 1, cause: .signal(15), deliberate: true, after: .seconds(1))
        #expect(!bot.requestsStart)
        #expect(bot.machine.report.status == .shutdown)
    }

    @Test func aStopBySomebodyIsRememberedByTheNextRunner() throws {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1, cause: .signal(15), deliberate: true)
        let record = try #require(bot.record)
        #expect(record.isStoppedByOthers == true)
        // Two runners later, too.
        var next = Machine(record: record)
        next.seesDeath(of: 1, cause: .unknown)
        #expect(next.machine.report.status == .shutdown)
        #expect(next.events.isEmpty && !next.requestsStart)
        #expect(next.machine.record.isStoppedByOthers == true)
        next.sees(.alive(.life(2)))
        #expect(next.machine.record.isStoppedByOthers == nil)
        next.seesDeath(of: 2)
        #expect(next.requestsStart)
    }

    @Test func aStopBySomebodyDoesNotHoldAgainstTheAlwaysPolicy() throws {
        var stopped = record()
        stopped.isStoppedByOthers = true
        var bot = Machine(policy: .always, record: stopped)
        bot.seesDeath(of: 1)
        #expect(bot.requestsStart)
    }

    @Test func theEndOfWhatAStopCouldNotEndIsToldByTheNextRunner() {
        var bot = Machine(record: record(life: 1, held: true))
        bot.seesDeath(of: 1, cause: .signal(11))
        #expect(bot.events == [.stopped])
        #expect(bot.reports.last?.event?.pid == 1)
        #expect(!bot.requestsStart && bot.machine.isHeld)
    }

    @Test func theEndOfAnInterruptedStopTellsWhichLifeEnded() {
        let key = CommandTicket.stop(7).key
        var bot = Machine(
            record: record(life: 1, held: true, phase: .operating(.stop, before: .life(1), command: key)))
        bot.seesDeath(of: 1, cause: .signal(15))
        #expect(bot.reports.last?.event?.kind == .stopped)
        #expect(bot.reports.last?.event?.pid == 1)
    }

    @Test func aStartThatEndsTheRunnerEachTimeIsTriedAtABackOff() throws {
        var left = record(phase: .operating(.recover, before: nil, command: nil))
        var waits: [Duration] = []
        for _ in 1...4 {
            var bot = Machine(record: left)
            let began = bot.now
            bot.seesDeath(of: 1)
            let due = bot.machine.deadline ?? began
            waits.append(began.duration(to: due))
            bot.reachDeadline()
            bot.feed(.startPermitted)
            left = try #require(bot.record)
            left.window = FailureWindow()
        }
        #expect(waits[0] == .zero)
        #expect(waits[1] >= .milliseconds(800) && waits[2] > waits[1] && waits[3] > waits[2])
    }

    @Test func anInterruptedStopIsCompletedByTheTargetBeingDown() {
        let key = CommandKey(endpoint: "e", id: 7)
        var bot = Machine(
            record: record(life: 1, held: true, phase: .operating(.stop, before: .life(1), command: key)))
        bot.seesDeath(of: 1)
        #expect(bot.results == [.completed])
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
        #expect(bot.machine.report.status == .shutdown)
    }

    @Test func anInterruptedStopIsCompletedByTheEndOfWhatItStopped() {
        let key = CommandKey(endpoint: "e", id: 7)
        let interrupted = record(life: 1, held: true, phase: .operating(.stop, before: .life(1), command: key))
        var bot = Machine(record: interrupted)
        bot.sees(.alive(.life(1)))
        #expect(bot.results.isEmpty)
        bot.seesDeath(of: 1, after: .seconds(9))
        #expect(bot.results == [.completed])
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
        // Should it never end, nobody knows, and it is held all the same.
        bot = Machine(record: interrupted)
        bot.sees(.alive(.life(1)))
        bot.reachDeadline()
        #expect(bot.results == [.failed])
        bot.seesDeath(of: 1)
        #expect(!bot.requestsStart && bot.machine.deadline == nil)
    }

    @Test func whatIsStartedAnewAfterAnInterruptedStopIsNotHeld() {
        let key = CommandKey(endpoint: "e", id: 7)
        var bot = Machine(
            record: record(life: 1, held: true, phase: .operating(.stop, before: .life(1), command: key)))
        bot.sees(.alive(.life(2)))
        #expect(bot.results == [.failed])
        #expect(bot.events == [.started])
        #expect(!bot.machine.isHeld)
    }

    @Test func whatSomebodyStartedAndDidNotStayUpIsTold() {
        var bot = Machine()
        bot.seesDeath(of: 1)
        #expect(!bot.requestsStart)
        bot.seesDeath(of: 1)
        #expect(bot.events.isEmpty)
        bot.seesDeath(of: 2, cause: .exit(code: 3))
        #expect(bot.events == [.died])
        #expect(bot.requestsStart)
    }

    @Test func theNextRunnerSaysWhatAWaitingTargetDiedOfAndWhenItIsTried() {
        var bot = Machine(backoff: Backoff(initial: .seconds(60)))
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1, cause: .exit(code: 3))
        bot.comeUp(as: 2)
        bot.seesDeath(of: 2, cause: .exit(code: 3))
        let record = bot.machine.record
        bot.sees(.undetermined("the engine is gone"))
        bot.seesDeath(of: 2)
        #expect(bot.machine.report.message?.hasPrefix("bot died (PID 2): exit 3; restarting in ") == true)
        var next = Machine(record: record)
        next.seesDeath(of: 2, cause: .exit(code: 3))
        #expect(next.machine.report.message?.hasPrefix("bot died (PID 2): exit 3; restarting in ") == true)
        #expect(next.events.isEmpty)
    }

    @Test func doubtKeepsWhatTheRecordSaid() {
        let key = CommandKey(endpoint: "e", id: 7)
        var bot = Machine(
            record: record(life: 1, phase: .operating(.restart, before: .life(1), command: key)))
        bot.sees(.undetermined("/proc can't be read"))
        #expect(bot.events == [.unknown])
        #expect(bot.machine.record.phase == .operating(.restart, before: .life(1), command: key))
        bot.seesDeath(of: 1)
        #expect(bot.requestsStart)
    }

    /// Found by seed 11999 of the simulation.
    @Test func anEndThatAFormerRunnerToldIsNotToldAnewWhenACommandCameBetween() {
        var first = Machine(policy: .onFailure)
        first.sees(.alive(.life(1)))
        first.seesDeath(of: 1, cause: .exit(code: 0))
        #expect(first.events == [.exited])

        var second = Machine(policy: .onFailure, record: first.record)
        second.seesDeath(of: 1, cause: .exit(code: 0))
        #expect(second.events.isEmpty)
        second.feed(.commanded(.restart(7)))
        second.feed(.startPermitted)
        second.feed(.finished(.blocked("a child of its former life lives")))
        #expect(second.results == [.failed])
        second.reachDeadline()
        second.feed(.startPermitted)
        #expect(second.performed == [.recover])

        var third = Machine(policy: .onFailure, record: second.record)
        third.seesDeath(of: 1, cause: .exit(code: 0))
        #expect(!third.events.contains(.exited), "it was told by the first")
    }
}

import InMemoryLogging
import Logging
import NIOConcurrencyHelpers
import RunnerKit
import ServerLink
import ServiceLifecycleTestKit
import Supervision
import SystemSupport
import TestSupport
import Testing
import WatcherAPI
import WireProtocol

@Suite(.timeLimit(.minutes(1))) struct SupervisorTests {
    private let bot = TargetID(kind: .process, name: "/run/bot.pid")
    private let other = TargetID(kind: .process, name: "/run/other.pid")

    // MARK: - Death and return

    @Test func aTargetThatDiesIsRecoveredAndCountsAsRestartedWhenItHasStayedUp() async throws {
        let bench = await SupervisorBench([bot])
        try await bench.run { bench in
            bench.watcher.sees(.alive(.life(1)), bot)
            #expect(await bench.report()?.status == .ok)
            bench.watcher.sees(.dead(End(identity: .life(1), cause: .signal(9))), bot)
            #expect(await bench.event() == .died)
            #expect(await bench.watcher.action(on: bot) == .recover)
            #expect(await bench.event() == .restarting)
            bench.watcher.ends(.up(.life(2), note: nil), bot)
            #expect(await bench.event() == .started)
            bench.watcher.sees(.alive(.life(2)), bot)
            await bench.clock.sleep(lasting: .seconds(5))
            bench.clock.advance(by: .seconds(5))
            let restarted = try #require(await bench.reportWithEvent())
            #expect(restarted.event?.kind == .restarted)
            #expect(restarted.status == .ok)
            #expect(restarted.message == "bot is up again (PID 2)")
        }
        #expect(bench.watcher.actions == 1)
    }

    @Test func aDeathIsLookedIntoBesideTheRestart() async throws {
        let bench = await SupervisorBench([bot], logTail: 2)
        try await bench.run { bench in
            bench.watcher.sees(.alive(.life(1)), bot)
            bench.watcher.sees(.dead(End(identity: .life(1), cause: .exit(code: 3))), bot)
            #expect(await bench.event() == .died)
            // Begun while nobody knows yet what it wrote.
            #expect(await bench.watcher.action(on: bot) == .recover)
            #expect(await bench.event() == .restarting)
            bench.watcher.hasWritten("one\ntwo TOKEN=abc\nthree", bot)
            let evidence = try #require(await bench.reportWithEvent())
            #expect(evidence.event?.kind == .evidence)
            #expect(evidence.message == "bot died (PID 1): exit 3\ntwo TOKEN=***\nthree")
            bench.watcher.ends(.up(.life(2), note: nil), bot)
        }
    }

    @Test func whatIsReadTooSlowlyIsNotWaitedFor() async throws {
        let bench = await SupervisorBench([bot], logTail: 2)
        try await bench.run { bench in
            bench.watcher.sees(.alive(.life(1)), bot)
            bench.watcher.sees(.dead(End(identity: .life(1), cause: .exit(code: 3))), bot)
            await bench.clock.sleep(lasting: .milliseconds(500))
            bench.clock.advance(by: .milliseconds(500))
            while let report = await bench.reportWithEvent(), report.event?.kind != .evidence {}
            #expect(await bench.watcher.action(on: bot) == .recover)
            bench.watcher.ends(.up(.life(2), note: nil), bot)
        }
    }

    @Test func aSecondTryWaitsItsTime() async throws {
        let bench = await SupervisorBench([bot])
        try await bench.run { bench in
            bench.watcher.sees(.alive(.life(1)), bot)
            bench.watcher.sees(.dead(End(identity: .life(1), cause: .unknown)), bot)
            #expect(await bench.watcher.action(on: bot) == .recover)
            bench.watcher.ends(.failed("no such file", isPermanent: false), bot)
            while await bench.event() != .restartFailed {}
            let due = try #require(await bench.clock.nextSleep())
            #expect((.seconds(0.8)...(.seconds(1.2))).contains(bench.clock.now.duration(to: due)))
            bench.clock.advance(to: due)
            #expect(await bench.watcher.action(on: bot) == .recover)
            bench.watcher.ends(.up(.life(2), note: nil), bot)
        }
    }

    @Test func whatIsCommandedIsOnTheDiskBeforeItIsBegun() async throws {
        let bench = await SupervisorBench([bot])
        try await bench.run { bench in
            bench.watcher.sees(.alive(.life(1)), bot)
            _ = await bench.report()
            await bench.command(12, .restart)
            _ = await bench.watcher.action(on: bot)
            #expect(
                bench.disk.contents.records[bot]?.phase
                    == .operating(.restart, before: .life(1), command: CommandKey(endpoint: "e", id: 12)))
            bench.watcher.ends(.up(.life(2), note: nil), bot)
            while await bench.event() != .started {}
        }
        #expect(bench.disk.contents.records[bot]?.life == .life(2))
    }

    @Test func targetsDoNotWaitForEachOther() async throws {
        let bench = await SupervisorBench([bot, other])
        try await bench.run { bench in
            for target in [bot, other] {
                bench.watcher.sees(.alive(.life(1)), target)
                bench.watcher.sees(.dead(End(identity: .life(1), cause: .unknown)), target)
            }
            #expect(await bench.watcher.action(on: bot) == .recover)
            #expect(await bench.watcher.action(on: other) == .recover)
            for target in [other, bot] { bench.watcher.ends(.up(.life(2), note: nil), target) }
        }
    }

    @Test func aDeathBearsTheTimeWhenItWasSeenHoweverLongItWaitedForTheDisk() async throws {
        // More than are handled at once.
        let targets = (1...9).map { TargetID(kind: .process, name: "/run/bot-\($0).pid") }
        let bench = await SupervisorBench(targets, capacity: 9)
        try await bench.run { bench in
            for target in targets {
                bench.watcher.sees(.alive(.life(1)), target)
                await bench.watcher.hasReported(target)
                _ = await bench.report()
            }
            bench.disk.hold()
            let seen = bench.clock.now
            for target in targets {
                bench.watcher.sees(.dead(End(identity: .life(1), cause: .signal(9))), target)
                await bench.watcher.hasReported(target)
            }
            bench.clock.advance(by: .milliseconds(300))
            bench.disk.release()
            for target in targets {
                _ = await bench.watcher.action(on: target)
                bench.watcher.ends(.up(.life(2), note: nil), target)
            }
            var started = 0
            while started < targets.count { if await bench.event() == .started { started += 1 } }
            let deaths = bench.changes.filter { $0.report.event?.kind == .died }
            #expect(deaths.map(\.observed) == targets.map { _ in seen })
        }
    }

    @Test func onlySoManyStartsRunAtOnce() async throws {
        let bench = await SupervisorBench([bot, other], capacity: 1)
        try await bench.run { bench in
            bench.watcher.sees(.alive(.life(1)), bot)
            bench.watcher.sees(.dead(End(identity: .life(1), cause: .unknown)), bot)
            #expect(await bench.watcher.action(on: bot) == .recover)
            bench.watcher.sees(.alive(.life(1)), other)
            bench.watcher.sees(.dead(End(identity: .life(1), cause: .unknown)), other)
            while await bench.reportWithEvent()?.message?.hasPrefix("other died") != true {}
            // A permit would have been used before this is looked at.
            bench.watcher.sees(.dead(End(identity: .life(1), cause: .unknown)), other, memoryMB: 5)
            let next = try #require(await bench.report())
            #expect(next.event == nil)
            #expect(next.memoryMB == 5)
            #expect(bench.watcher.actions == 1)
            bench.watcher.ends(.up(.life(2), note: nil), bot)
            #expect(await bench.watcher.action(on: other) == .recover)
            bench.watcher.ends(.up(.life(2), note: nil), other)
        }
    }

    @Test func aStartThatOnlyWaitsHoldsUpNoOther() async throws {
        let bench = await SupervisorBench([bot, other], capacity: 1)
        try await bench.run { bench in
            for target in [bot, other] {
                bench.watcher.sees(.alive(.life(1)), target)
                bench.watcher.sees(.dead(End(identity: .life(1), cause: .unknown)), target)
                #expect(await bench.watcher.action(on: target) == .recover)
                bench.watcher.hasStarted(target)
            }
            for target in [bot, other] { bench.watcher.ends(.up(.life(2), note: nil), target) }
        }
    }

    @Test func whatCannotBeObservedIsDoubtAndNotDeath() async throws {
        let bench = await SupervisorBench([bot, other])
        try await bench.run { bench in
            bench.watcher.sees(.alive(.life(1)), bot)
            _ = await bench.report()
            bench.watcher.sees(.undetermined("can't be observed: there is nothing to watch"), bot)
            let report = try #require(await bench.reportWithEvent())
            #expect(report.status == .warning)
            #expect(report.event?.kind == .unknown)
            #expect(report.message == "bot can't be observed: there is nothing to watch")
            // The other one is watched as before.
            bench.watcher.sees(.alive(.life(1)), other)
            #expect(await bench.report()?.status == .ok)
        }
        #expect(bench.watcher.actions == 0)
    }

    @Test func whatIsWrongWithoutAnEventIsLoggedOnceWhenItChanges() async throws {
        let bench = await SupervisorBench([bot, other])
        try await bench.run { bench in
            // Nothing to tell.
            bench.watcher.sees(.alive(.life(1)), other)
            _ = await bench.report()
            for memory in [1.0, 2.0] {
                bench.watcher.sees(.alive(.life(1)), bot, memoryMB: memory, obstacle: "it is in a container")
                _ = await bench.report()
            }
            bench.watcher.sees(.alive(.life(1)), bot)
            _ = await bench.report()
        }
        let told = bench.log.entries.filter { $0.level == .notice }.map { "\($0.message)" }
        #expect(told == ["bot is watched, and can't be restarted: it is in a container", "bot is ok"])
    }

    @Test func memoryThatChangedIsToldWithoutAnEvent() async throws {
        let bench = await SupervisorBench([bot])
        try await bench.run { bench in
            bench.watcher.sees(.alive(.life(1)), bot, memoryMB: 10)
            #expect(await bench.report() == TargetReport(status: .ok, memoryMB: 10))
            bench.watcher.sees(.alive(.life(1)), bot, memoryMB: 10)
            bench.watcher.sees(.alive(.life(1)), bot, memoryMB: 11.5)
            #expect(await bench.report() == TargetReport(status: .ok, memoryMB: 11.5))
        }
    }

    // MARK: - Commands

    @Test func aCommandIsCarriedOutAndItsResultIsKept() async throws {
        let bench = await SupervisorBench([bot])
        try await bench.run { bench in
            bench.watcher.sees(.alive(.life(1)), bot)
            _ = await bench.report()
            await bench.command(12, .restart)
            #expect(await bench.watcher.action(on: bot) == .restart)
            #expect(
                bench.disk.contents.records[bot]?.phase
                    == .operating(.restart, before: .life(1), command: CommandKey(endpoint: "e", id: 12)))
            bench.watcher.ends(.up(.life(2), note: nil), bot)
            bench.watcher.sees(.alive(.life(2)), bot)
            await bench.clock.sleep(lasting: .seconds(5))
            bench.clock.advance(by: .seconds(5))
            await bench.resultSignal.wait()
            let told = try #require(await bench.desk.nextResult(skipping: []))
            #expect(told.key.id == 12)
            #expect(told.result == CommandResult(status: .completed, message: "bot is running (PID 2)"))
        }
    }

    @Test func aCommandWaitsForTheActionInHand() async throws {
        let bench = await SupervisorBench([bot])
        try await bench.run { bench in
            bench.watcher.sees(.alive(.life(1)), bot)
            bench.watcher.sees(.dead(End(identity: .life(1), cause: .unknown)), bot)
            #expect(await bench.watcher.action(on: bot) == .recover)
            await bench.command(12, .stop)
            #expect(bench.watcher.actions == 1)
            bench.watcher.ends(.up(.life(2), note: nil), bot)
            #expect(await bench.watcher.action(on: bot) == .stop)
            bench.watcher.ends(.down, bot)
            await bench.resultSignal.wait()
            #expect(await bench.desk.nextResult(skipping: [])?.result.status == .completed)
        }
        #expect(bench.disk.contents.records[bot]?.isHeld == true)
    }

    @Test func aCommandThatAnEarlierRunnerHadBegunIsNotClosedButJudgedByWhatIsFound() async throws {
        let key = CommandKey(endpoint: "e", id: 12)
        var ledger = CommandLedger()
        for id in [Int64(11), 12] { ledger.apply(.received(CommandKey(endpoint: "e", id: id))) }
        let record = TargetRecord(
            bootID: "b", life: .life(1), phase: .operating(.restart, before: .life(1), command: key))
        let bench = await SupervisorBench([bot], ledger: ledger, records: [bot: record])
        // The one that was not begun is closed at the start.
        #expect(await bench.desk.nextResult(skipping: [])?.key.id == 11)
        #expect(await bench.desk.nextResult(skipping: [CommandKey(endpoint: "e", id: 11)]) == nil)
        await bench.resultSignal.wait()
        try await bench.run { bench in
            bench.watcher.sees(.alive(.life(2)), bot)
            await bench.clock.sleep(lasting: .seconds(5))
            bench.clock.advance(by: .seconds(5))
            await bench.resultSignal.wait()
            #expect(
                await bench.desk.nextResult(skipping: [CommandKey(endpoint: "e", id: 11)])?.result.status == .completed)
        }
        #expect(bench.watcher.actions == 0)
    }

    // MARK: - The end

    @Test func anActionInHandIsFinishedAndNothingIsBegunWhenTheRunnerIsToldToStop() async throws {
        let bench = await SupervisorBench([bot, other])
        try await bench.run(ending: { bench in
            await bench.command(13, .stop, to: other)
            bench.watcher.sees(.dead(End(identity: .life(1), cause: .unknown)), other)
            bench.watcher.ends(.up(.life(2), note: nil), bot)
        }) { bench in
            for target in [bot, other] {
                bench.watcher.sees(.alive(.life(1)), target)
                _ = await bench.report()
            }
            await bench.command(12, .restart)
            #expect(await bench.watcher.action(on: bot) == .restart)
        }
        #expect(bench.watcher.actions == 1)
        // Its result is for the next runner to tell, which finds the new life settling.
        #expect(
            bench.disk.contents.records[bot]?.phase == .settling(command: CommandKey(endpoint: "e", id: 12)))
        #expect(bench.disk.contents.records[bot]?.life == .life(2))
    }

    @Test func aStopThatIsInHandIsFinishedWithItsResult() async throws {
        let bench = await SupervisorBench([bot])
        try await bench.run(ending: { $0.watcher.ends(.down, bot) }) { bench in
            bench.watcher.sees(.alive(.life(1)), bot)
            _ = await bench.report()
            await bench.command(12, .stop)
            #expect(await bench.watcher.action(on: bot) == .stop)
        }
        #expect(await bench.desk.nextResult(skipping: [])?.result.status == .completed)
    }

    @Test func anActionThatHangsHoldsUpTheEndForTenSeconds() async throws {
        let bench = await SupervisorBench([bot])
        try await bench.run(ending: { bench in
            await bench.clock.sleep(lasting: .seconds(10))
            bench.clock.advance(by: .seconds(10))
        }) { bench in
            bench.watcher.sees(.alive(.life(1)), bot)
            _ = await bench.report()
            await bench.command(12, .restart)
            #expect(await bench.watcher.action(on: bot) == .restart)
        }
        // The next runner finds what was in hand.
        #expect(
            bench.disk.contents.records[bot]?.phase
                == .operating(.restart, before: .life(1), command: CommandKey(endpoint: "e", id: 12)))
    }

    @Test func aRestartThatOnlyWaitedIsFoundByTheNextRunner() async throws {
        let bench = await SupervisorBench([bot], grace: .seconds(60))
        try await bench.run { bench in
            bench.watcher.sees(.alive(.life(1)), bot)
            bench.watcher.sees(.dead(End(identity: .life(1), cause: .unknown)), bot)
            #expect(await bench.event() == .died)
            await bench.clock.sleep(lasting: .seconds(60))
        }
        #expect(bench.watcher.actions == 0)
        #expect(
            bench.disk.contents.records[bot]?.phase
                == .waiting(due: bench.clock.now.advanced(by: .seconds(60))))
    }
}

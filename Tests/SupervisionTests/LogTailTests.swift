import Supervision
import Testing
import WireProtocol

/// What follows a death when its last lines are asked for.
@Suite struct LogTailTests {
    /// A target with this life, up for a while, and what was asked for when it had died.
    private func deadBot(_ cause: End.Cause, deliberate: Bool = false, policy: RestartPolicy = .unlessStopped)
        -> Machine
    {
        var bot = Machine(policy: policy, logTail: 20)
        let life = Identity(token: "life-1", pid: 1, began: bot.now.advanced(by: .seconds(-300)))
        bot.feed(.observed(Observation(.alive(life), memoryMB: 81.6)))
        bot.feed(.observed(Observation(.dead(End(identity: life, cause: cause, isDeliberate: deliberate)))))
        return bot
    }

    @Test func aDeathIsToldBeforeItIsLookedInto() throws {
        var bot = deadBot(.exit(code: 3))
        #expect(bot.events == [.died])
        let gathered = try #require(bot.gathered.first)
        #expect(bot.gathered.count == 1)
        #expect(gathered.uptime == .seconds(300))
        #expect(gathered.memoryMB == 81.6)
        #expect(gathered.restarts == 0)
        #expect(bot.requestsStart, "the restart goes on beside it")

        var evidence = gathered
        evidence.lines = ["first", "last"]
        let (report, state) = (bot.machine.report, bot.machine.state)
        bot.feed(.gathered(evidence))
        #expect(bot.events == [.evidence])
        #expect(bot.reports.first?.status == .error)
        #expect(bot.reports.first?.event?.exitCode == 3)
        #expect(
            bot.reports.first?.message
                == "bot died (PID 1): exit 3; was up 5 min; last seen with 82 MiB\nfirst\nlast")
        #expect(bot.machine.report == report && bot.machine.state == state, "it changes nothing")
    }

    @Test func itTellsWhatBecameKnownMeanwhile() throws {
        var bot = Machine(grace: nil, logTail: 5)
        bot.sees(.alive(.life(1)))
        bot.feed(.observed(Observation(.dead(End(identity: .life(1), cause: .unknown)), grace: .seconds(5))))
        let evidence = try #require(bot.gathered.first)
        bot.feed(.observed(Observation(.dead(End(identity: .life(1), cause: .signal(11))), grace: .seconds(1))))
        bot.feed(.gathered(evidence))
        #expect(bot.reports.first?.event?.signal == 11)
        #expect(
            bot.reports.first?.message
                == "bot was killed (PID 1): SIGSEGV (11); its last lines could not be read")
    }

    @Test func whatCameUpMeanwhileIsNotToldAsDown() throws {
        var bot = deadBot(.outOfMemory)
        let evidence = try #require(bot.gathered.first)
        bot.comeUp(as: 2)
        bot.feed(.gathered(evidence))
        #expect(bot.reports.first?.status == .ok)
        #expect(bot.reports.first?.event?.oom == true)
        #expect(bot.machine.report.status == .ok)
    }

    @Test func nothingIsLookedIntoWithoutNeed() {
        var bot = Machine()
        bot.sees(.alive(.life(1)))
        bot.seesDeath(of: 1)
        #expect(bot.gathered.isEmpty, "nobody asked for it")
        #expect(deadBot(.signal(15), deliberate: true).gathered.isEmpty, "it was stopped on purpose")
        #expect(deadBot(.exit(code: 0), policy: .onFailure).gathered.isEmpty, "it ended well")
        #expect(deadBot(.exit(code: 1), policy: .never).gathered.count == 1)
    }

    @Test func aCrashLoopIsCounted() {
        var bot = deadBot(.exit(code: 1))
        for life in 2...4 {
            bot.comeUp(as: life)
            bot.seesDeath(of: life, cause: .exit(code: 1))
        }
        #expect(bot.gathered.first?.restarts == 3)
        #expect(bot.gathered.first?.memoryMB == nil, "that was of another life")
    }

    @Test func theNewestLinesAreThoseThatFit() throws {
        var bot = deadBot(.exit(code: 1))
        var evidence = try #require(bot.gathered.first)
        evidence.lines = (1...200).map { "line \($0) " + String(repeating: "é", count: 50) }
        bot.feed(.gathered(evidence))
        let message = try #require(bot.reports.first?.message)
        #expect(message.unicodeScalars.count <= WireLimits.message)
        let lines = message.split(separator: "\n")
        #expect(lines.first?.hasPrefix("bot died (PID 1): exit 1") == true)
        #expect(lines.last?.hasPrefix("line 200 ") == true)
        #expect(lines.count > 25)
    }
}

import LaunchdWatcher
import Supervision
import Testing

/// What an answer of launchd means for a target.
@Suite struct LaunchdJudgeTests {
    private let now = BootInstant(sinceBoot: .seconds(1000))

    private func later(_ seconds: Int) -> BootInstant { now.advanced(by: .seconds(seconds)) }

    @Test func whatRunsIsAlive() throws {
        var judge = LaunchdJudge()
        let seen = judge.judge(try LaunchdFixture.answer("macos-13-15-running"), at: now)
        guard case .alive(let identity) = seen.liveness else {
            Issue.record("\(seen)")
            return
        }
        #expect(identity.pid == 4242)
    }

    @Test(
        arguments: [
            ("macos-13-15-exited", .exit(code: 78), false), ("macos-13-15-crashed", .signal(11), false),
            ("macos-13-15-never-started", .unknown, false),
        ] as [(String, End.Cause, Bool)])
    func whatIsNotKeptAliveIsDownAtOnce(name: String, cause: End.Cause, isDeliberate: Bool) throws {
        var judge = LaunchdJudge()
        guard case .dead(let end) = judge.judge(try LaunchdFixture.answer(name), at: now).liveness else {
            Issue.record("not dead")
            return
        }
        #expect(end.cause == cause && end.isDeliberate == isDeliberate)
    }

    @Test func whatIsKeptAliveIsLeftToLaunchdFirst() throws {
        var judge = LaunchdJudge()
        _ = judge.judge(try LaunchdFixture.answer("macos-13-15-running"), at: now)
        let waiting = try LaunchdFixture.answer("macos-10-waiting-old")
        let seen = judge.judge(waiting, at: later(1))
        #expect(seen.liveness == .handledElsewhere("is kept alive by launchd, which starts it within 10 s"))
        #expect(judge.reconsider == later(16))
        #expect(judge.judge(waiting, at: later(15)).liveness == seen.liveness)
        guard case .dead(let end) = judge.judge(waiting, at: later(16)).liveness else {
            Issue.record("not dead")
            return
        }
        #expect(end.cause == .exit(code: 1) && end.identity?.pid == 4242)
        #expect(judge.reconsider == nil)
    }

    @Test func whatLaunchdIsStartingIsLeftToIt() throws {
        var judge = LaunchdJudge()
        let scheduled = try LaunchdFixture.answer("macos-13-15-spawn-scheduled")
        #expect(judge.judge(scheduled, at: later(100)).liveness == .handledElsewhere("is being started by launchd"))
    }

    @Test func whatWasTakenOutIsDeliberateAndWhatNeverWasThereIsMissing() throws {
        var judge = LaunchdJudge()
        #expect(judge.judge(try LaunchdFixture.notLoaded, at: now).liveness == .missing("launchd has not loaded it"))
        _ = judge.judge(try LaunchdFixture.answer("macos-13-15-running"), at: now)
        #expect(judge.path == "/Users/bob/Library/LaunchAgents/com.example.bot.plist")
        guard case .dead(let end) = judge.judge(try LaunchdFixture.notLoaded, isDisabled: true, at: now).liveness else {
            Issue.record("not dead")
            return
        }
        #expect(end.isDeliberate && end.detail == "it was disabled")
    }

    @Test func whatCannotBeAskedIsUndetermined() throws {
        var judge = LaunchdJudge()
        _ = judge.judge(try LaunchdFixture.answer("macos-13-15-running"), at: now)
        #expect(judge.judge(.unclear("no answer"), at: now).liveness == .undetermined("can't be judged: no answer"))
    }

    @Test func whatTheKernelCallsEndedIsNoLongerAliveBecauseLaunchdIsLate() throws {
        var judge = LaunchdJudge()
        let running = try LaunchdFixture.answer("macos-13-15-running")
        let alive = judge.judge(running, at: now)
        judge.ended(4711, at: now)
        #expect(!judge.hasEnded, "that is somebody else")
        judge.ended(4242, at: now)
        // Looked at again and again, each pause as long as all before it.
        for (passed, next) in [(0, 10), (10, 20), (20, 40), (40, 80), (1500, 3000)] {
            #expect(judge.judge(running, at: now.advanced(by: .milliseconds(passed))) == alive)
            #expect(judge.reconsider == now.advanced(by: .milliseconds(next)))
        }
        guard case .dead(let end) = judge.judge(running, at: later(2)).liveness else {
            Issue.record("not dead")
            return
        }
        #expect(end.identity?.pid == 4242 && end.cause == .unknown && !end.isDeliberate, "never guessed")
        guard
            case .dead(let known) = judge.judge(try LaunchdFixture.answer("macos-13-15-crashed"), at: later(3)).liveness
        else {
            Issue.record("not dead")
            return
        }
        #expect(known.identity?.pid == 4242 && known.cause == .signal(11))
    }

    @Test func whoCannotBeAskedIsAskedAgainLaterAndLater() {
        var judge = LaunchdJudge()
        for seconds in [1, 2, 4, 8, 16, 32, 32] {
            _ = judge.judge(.unclear("no answer"), at: now)
            #expect(judge.reconsider == later(seconds))
        }
        _ = judge.judge(.notLoaded, at: now)
        _ = judge.judge(.unclear("no answer"), at: now)
        #expect(judge.reconsider == later(1))
    }
}

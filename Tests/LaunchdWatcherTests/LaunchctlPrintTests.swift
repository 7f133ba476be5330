import LaunchdWatcher
import Supervision
import SystemSupport
import Testing

/// How answers of launchd are read.
@Suite struct LaunchctlPrintTests {
    @Test func aRunningService() throws {
        let facts = try #require(try LaunchdFixture.facts("macos-13-15-running"))
        #expect(facts.state == "running" && facts.pid == 4242 && facts.runs == 2)
        #expect(facts.lastExit == .never)
        #expect(facts.path == "/Users/bob/Library/LaunchAgents/com.example.bot.plist")
        #expect(facts.isKeptAlive && facts.minimumRuntime == 10)
    }

    @Test(
        arguments: [
            ("macos-13-15-exited", "not running", .code(78)), ("macos-13-15-crashed", "not running", .signal(11)),
            ("macos-13-15-spawn-scheduled", "spawn scheduled", .code(1)),
            ("macos-13-15-never-started", "not running", .never), ("macos-10-waiting-old", "waiting", .code(1)),
        ] as [(String, String, LaunchctlPrint.LastExit)])
    func aServiceThatIsDown(name: String, state: String, last: LaunchctlPrint.LastExit) throws {
        let facts = try #require(try LaunchdFixture.facts(name))
        #expect(facts.state == state && facts.pid == nil && facts.lastExit == last)
    }

    @Test func aSignalOutranksAnExitCode() {
        let text = "a = {\n\tstate = not running\n\tlast terminating signal = what\n\tlast exit code = 0\n}\n"
        #expect(LaunchctlPrint(parsing: Array(text.utf8))?.lastExit == nil, "never guessed")
    }

    @Test(arguments: ["", "{", "}", "state = running", "a = {\n}\n", "a = {\n\tb = {\n\t\tstate = running\n\t}\n}\n"])
    func whatDescribesNoServiceIsNone(_ text: String) {
        #expect(LaunchctlPrint(parsing: Array(text.utf8)) == nil)
    }

    @Test(
        arguments: [
            (.exited(113), "Could not find service \"x\" in domain for system", .notLoaded),
            (.exited(113), "", .notLoaded),
            (
                .exited(1), "Operation not permitted\nmore",
                .unclear("launchctl print failed with 1: Operation not permitted")
            ),
            (.exited(0), "", .unclear("launchctl print is not understood")),
            (.notStarted("no such file"), "", .unclear("launchctl can't be run: no such file")),
            (.timedOut, "", .unclear("launchctl does not answer")),
        ] as [(ProgramResult.End, String, LaunchctlAnswer)])
    func whatIsNotThereAndWhatIsNotKnownAreTold(end: ProgramResult.End, words: String, answer: LaunchctlAnswer) {
        #expect(LaunchctlAnswer(ProgramResult(end, errorOutput: Array(words.utf8))) == answer)
    }

    @Test(arguments: ["macos-13-15-print-disabled", "macos-10-print-disabled-old"]) func disabledServices(
        _ name: String
    ) throws {
        let output = try LaunchdFixture.bytes(name)
        #expect(LaunchctlDisabled.holds("com.example.bot", in: output))
        #expect(!LaunchctlDisabled.holds("com.example.other", in: output))
        #expect(!LaunchctlDisabled.holds("bot", in: output))
    }

    @Test(
        arguments: [
            ("com.example.bot", 501, "gui/501/com.example.bot"), ("com.example.bot", 0, "system/com.example.bot"),
            ("system/a", 501, "system/a"), ("user/7/a", 0, "user/7/a"), ("gui/7/a", 0, "gui/7/a"),
            ("gui/a", 0, nil), ("gui/07/a", 0, nil), ("gui/-1/a", 0, nil), ("pid/1/a", 0, nil), ("", 0, nil),
            ("-k", 0, nil), ("system/", 0, nil), ("system/-k", 0, nil), ("a;b", 0, nil), ("../x", 0, nil),
            ("gui/501/..", 0, nil), ("a\nb", 0, nil),
        ] as [(String, UInt32, String?)])
    func aNameIsAServiceOrRefused(name: String, user: UInt32, target: String?) {
        #expect(LaunchdService(name, user: user)?.description == target)
    }
}

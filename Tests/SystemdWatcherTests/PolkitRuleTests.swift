import SystemdWatcher
import Testing

@Suite struct PolkitRuleTests {
    @Test func `A rule is for one unit, one user and four verbs`() {
        #expect(
            PolkitRule(unit: "bot.service", user: "clevagent").text
                == #"polkit.addRule(function(action, subject) { if (action.id == "org.freedesktop.systemd1.manage-units" "#
                + #"&& subject.user == "clevagent" && action.lookup("unit") == "bot.service" "#
                + #"&& ["start", "stop", "restart", "reset-failed"].indexOf(action.lookup("verb")) >= 0) "#
                + "return polkit.Result.YES; });")
    }

    @Test(arguments: [
        (#"my\x2dbot.service"#, #""my\\x2dbot.service""#), (#"a" || true || "b"#, #""a\" || true || \"b""#),
        ("a\n*/\u{2028}\u{7f}b", #""a\u000a*/\u2028\u007fb""#), ("bö🤖t", #""b\u00f6\ud83e\udd16t""#),
    ])
    func `A name stays one name, whatever is in it`(name: String, literal: String) {
        let text = PolkitRule(unit: name, user: name).text
        #expect(text.contains(#"action.lookup("unit") == \#(literal) &&"#))
        #expect(text.contains("subject.user == \(literal) &&"))
    }

    @Test func `A file says what it is for, and has the rule of each unit`() {
        let units = ["bot.service", #"my\x2dbot.timer"#]
        let lines = PolkitRule.file(for: units, user: "bot\n").split(separator: "\n", omittingEmptySubsequences: false)
        #expect(
            lines == [
                "// Made by clevagent-runner polkit, for the units that it watches: make it anew when these are others.",
                #"// Lets user "bot\u000a" start, stop, restart and reset-failed, and do nothing else with them:"#,
                #"//   "bot.service""#, #"//   "my\\x2dbot.timer""#,
            ] + units.map { PolkitRule(unit: $0, user: "bot\n").text[...] } + [""])
    }
}

import SystemdWatcher
import Testing

@Suite struct PolkitRuleTests {
    @Test func `A name with backslashes stays one name`() {
        let rule = PolkitRule(unit: #"my\x2dbot.service"#, user: "clevagent")
        #expect(rule.text.contains(#"action.lookup("unit") == "my\\x2dbot.service""#))
        #expect(rule.text.contains(#"subject.user == "clevagent""#))
    }
}

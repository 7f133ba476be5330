import TestSupport
import Testing

/// What `clevagent-runner polkit` prints, as polkit takes it.
@Suite(.serialized, .timeLimit(.minutes(1)), .needsSystemd) struct PolkitRuleTests {
    private static let unit = "[Service]\nExecStart=/bin/sleep infinity\n"

    @Test func `The rules allow what they say, to whom they say, and nothing else`() async throws {
        try await withPrivateSystemd(hasBus: true) { systemd in
            for name in ["bot", "my\\x2dbot", "other"] {
                let alias = name == "bot" ? "[Install]\nAlias=alias.service\n" : ""
                try systemd.write("\(name).service", Self.unit + alias)
            }
            try await systemd.run("systemctl", "daemon-reload")
            try await systemd.run("systemctl", "enable", "bot.service")
            try await systemd.run("systemctl", "start", "other.service")
            let rules = try await systemd.run(
                BuiltProgram.runner.path, "polkit", "--user", "nobody", "--watch", "systemd:alias", "--watch",
                "systemd:my\\x2dbot.service")
            #expect(rules.contains(#"action.lookup("unit") == "bot.service""#), "\(rules)")
            let file = "/etc/polkit-1/rules.d/50-clevagent-runner.rules"
            try await systemd.run("sh", "-c", "printf '%s\\n' \"$1\" >\(file)", "sh", rules)
            try await systemd.run("systemctl", "restart", "polkit.service")

            /// What becomes of it when that user tries.
            func attempt(_ user: String, _ program: String, _ arguments: String...) async throws -> String {
                let script = #"setpriv --reuid "$0" --regid nogroup --clear-groups "$@" 2>&1 && echo allowed || :"#
                let said = try await systemd.run(["sh", "-c", script, user, program, "--no-ask-password"] + arguments)
                return said.contains("nteractive authentication required") ? "denied" : said
            }
            for unit in ["bot.service", "alias.service", "my\\x2dbot.service"] {
                for verb in ["start", "restart", "reset-failed"] {
                    #expect(try await attempt("nobody", "systemctl", verb, unit) == "allowed", "\(verb) \(unit)")
                }
                for verb in ["kill", "freeze"] {
                    #expect(try await attempt("nobody", "systemctl", verb, unit) == "denied", "\(verb) \(unit)")
                }
                #expect(try await attempt("daemon", "systemctl", "stop", unit) == "denied")
                #expect(try await attempt("nobody", "systemctl", "stop", unit) == "allowed")
            }
            for verb in ["start", "restart", "stop", "reset-failed"] {
                #expect(try await attempt("nobody", "systemctl", verb, "other.service") == "denied")
            }
            #expect(try await attempt("nobody", "systemd-run", "--unit=bot.service", "/bin/true") == "denied")
        }
    }
}

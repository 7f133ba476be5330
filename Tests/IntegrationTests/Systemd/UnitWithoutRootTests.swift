import FoundationEssentials
import SystemSupport
import TestSupport
import Testing
import WireProtocol

/// A runner that is not root: it has only the bus, and what polkit lets it do.
@Suite(.serialized, .timeLimit(.minutes(1)), .needsSystemd) struct UnitWithoutRootTests {
    private static let rule = """
        polkit.addRule(function(action, subject) {
            if (action.id == "org.freedesktop.systemd1.manage-units" && subject.user == "nobody"
                && action.lookup("unit") == "bot.service"
                && ["start", "stop", "restart", "reset-failed"].indexOf(action.lookup("verb")) >= 0)
                return polkit.Result.YES;
        });

        """

    @Test func withoutARuleItIsToldWhichOneWouldDoAndTheRuleIsEnough() async throws {
        try await withUnitUnderWatch(user: "nobody") { host in
            let first = try await host.up()
            try await host.run("systemctl", "kill", "--signal=KILL", "bot.service")
            let told = try await host.heard(after: first) { $0.event?.kind == .restartFailed }
            #expect(
                told.message
                    == "bot can't be restarted yet: systemd does not let user 'nobody' start bot.service: no polkit "
                    + "rule allows org.freedesktop.systemd1.manage-units with unit 'bot.service' and verb 'start' to "
                    + "that user; tried again every 5 s")
            #expect(told.status == .error)
            #expect(try await host.state() == "failed")
            try await host.run("sh", "-c", "printf %s \"$1\" >/etc/polkit-1/rules.d/50-test.rules", "sh", Self.rule)
            _ = try await host.heard { $0.event?.kind == .restarted }
        }
    }

    @Test func withARuleItStartsThisUnit() async throws {
        try await withUnitUnderWatch(user: "nobody", rule: Self.rule) { host in
            let first = try await host.up()
            try await host.run("systemctl", "kill", "--signal=KILL", "bot.service")
            _ = try await host.heard(after: first) { $0.event?.kind == .restarted }
            let restart = host.stub.queue("restart", type: "systemd", target: "bot.service", agent: "bot")
            #expect(try await host.stub.result(of: restart.id).result.status == .completed)
        }
    }

    @Test func aBusThatIsKilledIsNoDeathAndHidesNone() async throws {
        try await withUnitUnderWatch(user: "nobody", rule: Self.rule) { host in
            let first = try await host.up()
            // The bus is away until its socket is there again; the unit dies meanwhile.
            try await host.run(
                "sh", "-c",
                #"kill -KILL "$(systemctl show -P MainPID dbus.service)"; systemctl stop dbus.socket dbus.service"#)
            let unknown = try await host.heard(after: first) { $0.event?.kind == .unknown }
            #expect(unknown.status == .warning)
            #expect(unknown.message?.hasPrefix("bot can't be observed: ") == true)
            let seen = host.stub.heartbeats.count - 1
            _ = try await host.heard(after: seen) { $0.status == .warning && $0.event == nil }
            #expect(host.stub.heartbeats.allSatisfy { $0.heartbeat.status != .error })
            try await host.run("systemctl", "kill", "--signal=KILL", "bot.service")
            try await host.run("systemctl", "start", "dbus.socket", "dbus.service")
            let died = try await host.heard { $0.event?.kind == .died }
            #expect(died.message?.hasPrefix("bot was killed: SIGKILL (9); restarting ") == true)
            _ = try await host.heard { $0.event?.kind == .restarted }
        }
    }

    @Test func `check names the rule that is missing, and the rule does`() async throws {
        try await withUnitUnderWatch(user: "nobody") { host in
            _ = try await host.up()
            let life = try await host.run("systemctl", "show", "-P", "InvocationID", "bot.service")
            let check = [
                "setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "env",
                "CLEVAGENT_API_KEY=cv_test", BuiltProgram.runner.path, "check", "--watch", "systemd:bot.service",
                "--endpoint", host.stub.endpoint, "--state-dir", "/tmp/state",
            ]
            let denied = try await host.systemd.run(["sh", "-c", #""$@" || echo status $?"#, "sh"] + check)
            let rule =
                #"polkit.addRule(function(action, subject) { if (action.id == "org.freedesktop.systemd1.manage-units" "#
                + #"&& subject.user == "nobody" && action.lookup("unit") == "bot.service" "#
                + #"&& ["start", "stop", "restart", "reset-failed"].indexOf(action.lookup("verb")) >= 0) "#
                + "return polkit.Result.YES; });"
            #expect(
                denied.contains(
                    "    to do: it is watched, and can't be restarted: systemd does not let user 'nobody' start, restart, "
                        + "stop bot.service; this in /etc/polkit-1/rules.d/50-clevagent-runner.rules allows it: \(rule)"
                ),
                "\(denied)")
            #expect(denied.hasSuffix("status 1"))

            let file = "/etc/polkit-1/rules.d/50-clevagent-runner.rules"
            try await host.run("sh", "-c", "printf '%s\\n' \"$1\" >\(file)", "sh", rule)
            try await host.run("systemctl", "restart", "polkit.service")
            let allowed = try await host.systemd.run(check)
            #expect(!allowed.contains("to do"), "\(allowed)")
            // It was only asked about.
            #expect(try await host.run("systemctl", "show", "-P", "InvocationID", "bot.service") == life)
            #expect(try await host.state() == "active")
            #expect(try await host.run("systemctl", "list-jobs", "--no-legend") == "")
        }
    }
}

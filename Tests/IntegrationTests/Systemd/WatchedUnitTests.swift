import FoundationEssentials
import SystemSupport
import TestSupport
import Testing
import WireProtocol

// One after the other: a machine boots only so many at once.
/// The runner, units of a real systemd, and what the server hears of them.
@Suite(.serialized, .timeLimit(.minutes(1)), .needsSystemd) struct WatchedUnitTests {
    @Test(arguments: [true, false]) func whatIsKilledIsToldAndBroughtBackAndWhatIsStoppedIsNot(
        hasBus: Bool
    ) async throws {
        try await withUnitUnderWatch(hasBus: hasBus) { host in
            let first = try await host.up()
            try await host.run("systemctl", "kill", "--signal=KILL", "bot.service")
            let died = try await host.heard(after: first) { $0.event?.kind == .died }
            #expect(died.message == "bot was killed: SIGKILL (9); restarting now")
            #expect(died.event?.signal == 9)
            _ = try await host.heard { $0.event?.kind == .restarted }
            #expect(try await host.state() == "active")

            try await host.run("systemctl", "stop", "bot.service")
            let stopped = try await host.heard { $0.event?.kind == .stopped }
            #expect(stopped.status == .shutdown)
            #expect(stopped.message == "bot was stopped by somebody: SIGTERM (15)")
            _ = try await host.heard { $0.status == .shutdown && $0.event == nil }
            #expect(try await host.state() == "inactive")

            try await host.run("systemctl", "start", "bot.service")
            let started = try await host.heard { $0.event?.kind == .started && $0.status == .ok }
            #expect(started.message?.hasPrefix("bot was started (PID ") == true)
        }
    }

    @Test func commandsOfTheServerAreJobs() async throws {
        try await withUnitUnderWatch { host in
            _ = try await host.up()
            let before = try await host.run("systemctl", "show", "-P", "InvocationID", "bot.service")
            let restart = host.stub.queue("restart", type: "systemd", target: "bot.service", agent: "bot")
            let restarted = try await host.stub.result(of: restart.id)
            #expect(restarted.result.status == .completed)
            #expect(try await host.run("systemctl", "show", "-P", "InvocationID", "bot.service") != before)

            let stop = host.stub.queue("stop", type: "systemd", target: "bot.service", agent: "bot")
            let stopped = try await host.stub.result(of: stop.id)
            #expect(stopped.result.status == .completed)
            #expect(stopped.result.message == "bot is stopped")
            #expect(try await host.state() == "inactive")
        }
    }

    @Test(arguments: [
        (
            "a watchdog", "ExecStart=/bin/sleep infinity\nWatchdogSec=300ms\n",
            "bot was killed: SIGABRT (6); its watchdog timed out; restarting "
        ),
        ("an exit", "ExecStart=/bin/sh -c 'sleep 0.2; exit 3'\n", "bot died: exit 3; restarting "),
        ("no error", "ExecStart=/bin/sleep 0.2\n", "bot ended by itself: exit 0; restarting "),
        (
            "the limit on starts",
            "ExecStart=/bin/sh -c 'sleep 0.1; exit 1'\nRestart=on-failure\nRestartSec=10ms\n"
                + "[Unit]\nStartLimitBurst=2\nStartLimitIntervalSec=1000\n",
            // systemd keeps the result of the death.
            "bot died: exit 1; its own supervisor has given up; restarting "
        ),
    ])
    func anEndIsToldInWords(_ name: String, unit: String, message: String) async throws {
        try await withUnitUnderWatch("[Service]\n" + unit, isStarted: false) { host in
            _ = try await host.heard { _ in true }
            try await host.run("systemctl", "start", "bot.service")
            let told = try await host.heard { $0.message?.hasPrefix(message) == true }
            #expect(told.status == .error)
            // It is brought back: after the limit on starts, too.
            _ = try await host.heard { $0.event?.kind == .started }
        }
    }

    @Test func whatSystemdRestartsIsLeftToIt() async throws {
        try await withUnitUnderWatch("[Service]\nExecStart=/bin/sleep infinity\nRestart=always\nRestartSec=1\n") {
            host in
            let first = try await host.up()
            try await host.run("systemctl", "kill", "--signal=KILL", "bot.service")
            let told = try await host.heard(after: first) { $0.event?.kind == .died }
            #expect(told.status == .warning)
            #expect(told.message == "bot was killed: SIGKILL (9); its own supervisor restarts it")
            #expect(told.event?.signal == 9)
            let back = try await host.heard { $0.status == .ok }
            #expect(back.message?.hasPrefix("bot was started (PID ") == true)
            #expect(host.stub.heartbeats.allSatisfy { $0.heartbeat.event?.kind != .restarting })
        }
    }

    @Test func aOneshotThatEndedWellIsFine() async throws {
        let unit = "[Unit]\nBefore=after.target\n[Service]\nType=oneshot\nExecStart=/bin/sleep 0.3\n"
        try await withUnitUnderWatch(unit, isStarted: false) { host in
            // Before it has run there is nothing wrong with it, either.
            _ = try await host.up()
            try await host.run("systemctl", "start", "bot.service")
            let atWork = try await host.heard { $0.status == .warning }
            #expect(atWork.message == "bot runs, until it is done")
            _ = try await host.heard { $0.status == .ok && $0.event == nil }
            // A runner that starts now finds that systemd has forgotten it.
            try await host.run("systemctl", "restart", "clevagent-runner.service")
            let seen = host.stub.heartbeats.count - 1
            _ = try await host.heard(after: seen) { $0.status == .ok && $0.event == nil }
            #expect(host.stub.heartbeats.dropFirst(seen + 1).allSatisfy { $0.heartbeat.status != .error })
            #expect(host.stub.heartbeats.allSatisfy { $0.heartbeat.event?.kind != .stopped })
        }
    }

    @Test func aUnitThatIsMaskedOrMissingIsToldAndSeenWhenItAppears() async throws {
        try await withUnitUnderWatch(nil, isStarted: false) { host in
            let missing = try await host.heard { $0.event?.kind == .missing }
            #expect(
                missing.message
                    == "bot is not there: systemd knows no unit bot.service; it was so when the runner first saw it, so it was not started"
            )
            try await host.run("ln", "-s", "/dev/null", "/run/systemd/system/bot.service")
            try await host.run("ln", "-s", "/dev/null", "/etc/systemd/system/bot.service")
            try await host.run("systemctl", "daemon-reload")
            let masked = try await host.heard { $0.message?.contains("masked") == true }
            #expect(masked.message == "bot is masked: 'systemctl unmask bot.service' lets it start")
            try await host.run("rm", "/etc/systemd/system/bot.service")
            try host.systemd.write("bot.service", "[Service]\nExecStart=/bin/sleep infinity\n")
            try await host.run("systemctl", "daemon-reload")
            try await host.run("systemctl", "start", "bot.service")
            _ = try await host.heard { $0.status == .ok }
        }
    }

    @Test func aStopInTheMiddleOfARecoveryWins() async throws {
        // Its first start is quick, each later one takes for ever.
        let unit = """
            [Service]
            Type=exec
            ExecStartPre=/bin/sh -c 'if [ -e /tmp/share/slow ]; then sleep 1000; fi; touch /tmp/share/slow'
            ExecStart=/bin/sleep infinity

            """
        try await withUnitUnderWatch(unit) { host in
            let first = try await host.up()
            try await host.run("systemctl", "kill", "--signal=KILL", "bot.service")
            _ = try await host.heard(after: first) { $0.event?.kind == .restarting }
            try await host.run("sh", "-c", "until [ \"$(systemctl show -P SubState bot)\" = start-pre ]; do :; done")
            try await host.run("systemctl", "stop", "bot.service")
            let told = try await host.heard { $0.status == .shutdown }
            #expect(told.message == "bot stays down: somebody cancelled the start of bot.service")
            _ = try await host.heard { $0.status == .shutdown && $0.event == nil }
            #expect(try await host.state() != "active")
            #expect(host.stub.heartbeats.count { $0.heartbeat.event?.kind == .restarting } == 1)
        }
    }

    @Test func onAHostThatGoesDownNothingIsStarted() async throws {
        try await withUnitUnderWatch { host in
            let first = try await host.up()
            // What takes its time to stop keeps the host from being down.
            try await host.systemd.start(
                "slow.service",
                "[Service]\nExecStart=/bin/sleep infinity\nExecStop=/bin/sleep 1000\nTimeoutStopSec=1000\n")
            try host.systemd.write(
                "down.target", "[Unit]\nDefaultDependencies=no\nRequires=shutdown.target\nAfter=shutdown.target\n")
            try await host.run("systemctl", "daemon-reload")
            try await host.run("systemctl", "start", "--no-block", "--job-mode=replace-irreversibly", "down.target")
            let told = try await host.heard(after: first) {
                $0.message == "bot is left alone: this host is going down"
            }
            #expect(told.status == .warning)
            _ = try await host.heard { $0.status == .warning && $0.event == nil }
            #expect(host.stub.heartbeats.allSatisfy { $0.heartbeat.event?.kind != .restarting })
            #expect(host.stub.heartbeats.allSatisfy { $0.heartbeat.status != .error })
        }
    }

    @Test(arguments: ["daemon-reexec", "daemon-reload"]) func aManagerThatStartsAnewIsSurvived(how: String) async throws
    {
        try await withUnitUnderWatch { host in
            _ = try await host.up()
            try await host.run("systemctl", how)
            let seen = host.stub.heartbeats.count - 1
            _ = try await host.heard(after: seen) { $0.status == .ok && $0.event == nil }
            try await host.run("systemctl", "kill", "--signal=KILL", "bot.service")
            let died = try await host.heard(after: seen) { $0.event?.kind == .died }
            #expect(died.message == "bot was killed: SIGKILL (9); restarting now")
            _ = try await host.heard { $0.event?.kind == .restarted }
            #expect(host.stub.heartbeats.count { $0.heartbeat.event?.kind == .died } == 1)
        }
    }

    /// systemd forgets them with their end.
    @Test func aTransientUnitThatIsStoppedIsNotMissingNorBroughtBack() async throws {
        try await withUnitUnderWatch(nil, isStarted: false) { host in
            _ = try await host.heard { $0.event?.kind == .missing }
            let start = ["systemd-run", "--unit", "bot", "--collect", "sleep", "infinity"]
            _ = try await host.systemd.run(start)
            let up = try await host.up()
            try await host.run("systemctl", "stop", "bot.service")
            let stopped = try await host.heard(after: up) { $0.event != nil }
            #expect(stopped.message == "bot was stopped by somebody: SIGTERM (15)")
            #expect(stopped.status == .shutdown)

            _ = try await host.systemd.run(start)
            let again = try await host.up()
            try await host.run("systemctl", "kill", "--signal=KILL", "bot.service")
            let died = try await host.heard(after: again) { $0.event != nil }
            #expect(
                died.message == "bot was killed: SIGKILL (9); it can't be restarted: systemd knows no unit bot.service")
            #expect(died.event?.kind == .died)
        }
    }

    /// Its job goes on in the new one, and what comes of it is what is told.
    @Test(arguments: ["recovery", "command"]) func aManagerThatStartsAnewWhileAUnitStartsIsWaitedFor(
        start: String
    ) async throws {
        let unit = "ExecStartPre=/bin/sh -c 'test ! -e /run/slow || sleep 4'\nExecStart=/bin/sleep infinity\n"
        try await withUnitUnderWatch("[Service]\n" + unit) { host in
            let up = try await host.up()
            try await host.run("touch", "/run/slow")
            let command: Command?
            if start == "command" {
                command = host.stub.queue("restart", type: "systemd", target: "bot.service", agent: "bot")
            } else {
                command = nil
                try await host.run("systemctl", "kill", "--signal=KILL", "bot.service")
                _ = try await host.heard(after: up) { $0.event?.kind == .died }
            }
            try await host.run(
                "sh", "-c", "until systemctl is-active bot.service | grep activating; do sleep 0.1; done")
            try await host.run("systemctl", "daemon-reexec")
            _ = try await host.heard(after: up) { $0.status == .ok && $0.event?.pid != nil }
            if let command { #expect(try await host.stub.result(of: command.id).result.status == .completed) }
            let kinds = host.stub.heartbeats.dropFirst(up + 1).compactMap(\.heartbeat.event?.kind)
            #expect(kinds.count { $0 == .died } == (command == nil ? 1 : 0))
            #expect(!kinds.contains(.restartFailed))
        }
    }
}

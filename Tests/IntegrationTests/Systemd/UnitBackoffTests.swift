import SystemSupport
import TestSupport
import Testing
import WireProtocol

/// What others do to a unit while the runner waits for its next try, word for word, as a real systemd brings it about.
@Suite(.serialized, .timeLimit(.minutes(1)), .needsSystemd) struct UnitBackoffTests {
    /// Its second start ends at once, and its next try is some seconds away.
    private static let unit = """
        [Service]
        ExecStart=/bin/sh -c 'if [ -e /tmp/share/bad ]; then exit 3; fi; exec sleep infinity'
        StartLimitIntervalSec=0

        """

    private func withUnitInBackoff(
        _ unit: String = unit, _ body: (UnitUnderWatch) async throws -> Void
    ) async throws {
        try await withUnitUnderWatch(
            unit, flags: "--config /tmp/share/runner.yaml",
            preparing: { systemd in
                try await systemd.run([
                    "sh", "-c",
                    "printf 'targets: {\"systemd:bot.service\": {backoff: {initial: 3}}}\\n' >/tmp/share/runner.yaml",
                ])
            }
        ) { host in
            let first = try await host.up()
            try await host.run("touch", "/tmp/share/bad")
            try await host.run("systemctl", "kill", "--signal=KILL", "bot.service")
            _ = try await host.heard(after: first) { $0.event?.kind == .restarting }
            // The try has failed, and the next one is planned.
            _ = try await host.heard { $0.event?.attempt == 2 && $0.event?.nextAttemptIn ?? 0 > 1 }
            try await body(host)
        }
    }

    @Test(arguments: ["failed", "forgotten"]) func `A stop of what waits for its next try is a stop`(
        how: String
    ) async throws {
        let collected = "[Unit]\nCollectMode=inactive-or-failed\n"
        try await withUnitInBackoff(how == "failed" ? Self.unit : Self.unit + collected) { host in
            try await host.run("systemctl", "stop", "bot.service")
            let told = try await host.heard { $0.status == .shutdown }
            #expect(told.event?.kind == .stopped)
            #expect(told.message == "bot was stopped by somebody; it was down already")
            let tries = host.stub.heartbeats.count { $0.heartbeat.event?.kind == .restarting }
            // Beyond the time of the next try.
            for _ in 0..<5 { _ = try await host.heard { $0.status == .shutdown && $0.event == nil } }
            #expect(host.stub.heartbeats.count { $0.heartbeat.event?.kind == .restarting } == tries)
            #expect(try await host.state() != "active")
        }
    }

    @Test(arguments: ["reset-failed", "try-restart"]) func `What is no stop leaves the next try alone`(
        verb: String
    ) async throws {
        try await withUnitInBackoff { host in
            try await host.run("rm", "/tmp/share/bad")
            try await host.run("systemctl", verb, "bot.service")
            let back = try await host.heard { $0.event?.kind == .restarted || $0.status == .shutdown }
            #expect(back.status == .ok)
            #expect(try await host.state() == "active")
            #expect(host.stub.heartbeats.allSatisfy { $0.heartbeat.event?.kind != .stopped })
        }
    }

    @Test func `A stop of what systemd is about to restart is a stop`() async throws {
        let unit = "[Service]\nExecStart=/bin/sleep infinity\nRestart=always\nRestartSec=1000\n"
        try await withUnitUnderWatch(unit) { host in
            let first = try await host.up()
            try await host.run("systemctl", "kill", "--signal=KILL", "bot.service")
            let died = try await host.heard(after: first) { $0.event?.kind == .died }
            #expect(died.message == "bot was killed: SIGKILL (9); its own supervisor restarts it")
            try await host.run("systemctl", "stop", "bot.service")
            let told = try await host.heard { $0.status == .shutdown }
            #expect(told.message == "bot was stopped by somebody; it was down already")
            #expect(host.stub.heartbeats.allSatisfy { $0.heartbeat.event?.kind != .restarting })
        }
    }

    @Test func `What systemd restarts again and again is told each time and as a crash loop, and left to it`()
        async throws
    {
        let unit =
            "[Service]\nExecStart=/bin/sh -c 'sleep 0.3; exit 3'\nRestart=always\nRestartSec=100ms\n"
            + "[Unit]\nStartLimitIntervalSec=0\n"
        try await withUnitUnderWatch(unit) { host in
            for _ in 1...5 {
                let died = try await host.heard { $0.event?.kind == .died }
                #expect(died.message == "bot died: exit 3; its own supervisor restarts it")
                #expect(died.status == .warning)
                #expect(died.event?.exitCode == 3)
            }
            let loop = try await host.heard { $0.event?.kind == .crashLoop }
            #expect(loop.message?.hasSuffix("it is left to its own supervisor") == true, "\(loop.message ?? "")")
            #expect(host.stub.heartbeats.allSatisfy { $0.heartbeat.event?.kind != .restarting })
            #expect(host.stub.heartbeats.allSatisfy { $0.heartbeat.status != .error })
        }
    }

    @Test(arguments: ["simple", "exec"]) func `A program that can't be executed is told in systemd's words`(
        type: String
    ) async throws {
        let unit =
            "[Service]\nType=\(type)\nExecStart=/tmp/share/program\nRestart=no\n[Unit]\nStartLimitIntervalSec=0\n"
        try await withUnitUnderWatch(
            unit,
            preparing: { systemd in
                try await systemd.run(["cp", "/bin/sleep", "/tmp/share/sleep"])
                try await systemd.run([
                    "sh", "-c",
                    "printf '#!/bin/sh\\nexec sleep infinity\\n' >/tmp/share/program; chmod 755 /tmp/share/program",
                ])
            }
        ) { host in
            let first = try await host.up()
            try await host.run("rm", "/tmp/share/program")
            try await host.run("systemctl", "kill", "--signal=KILL", "bot.service")
            let told = try await host.heard(after: first) {
                $0.message?.contains("203/EXEC") == true && $0.status == .error
            }
            let words = "systemd could not execute its program (203/EXEC)"
            #expect(
                told.message?.hasPrefix("bot could not be restarted: \(words); restarting in ") == true
                    || told.message?.hasPrefix("bot died: exit 203; \(words); restarting in ") == true,
                "\(told.message ?? "")")
        }
    }

    @Test func `A death of what wrote nothing says so`() async throws {
        try await withUnitUnderWatch(flags: "--log-tail 2") { host in
            let first = try await host.up()
            try await host.run("systemctl", "kill", "--signal=KILL", "bot.service")
            let told = try await host.heard(after: first) { $0.event?.kind == .evidence }
            #expect(told.message?.hasSuffix("; it has written nothing") == true, "\(told.message ?? "")")
        }
    }

    @Test func `An alias that is watched beside its unit is told`() async throws {
        let unit = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nAlias=nick.service\n"
        try await withUnitUnderWatch(unit, isEnabled: true, flags: "--watch systemd:nick.service") { host in
            let told = try await host.heard { $0.status == .warning && $0.message?.contains("same unit") == true }
            #expect(
                told.message
                    == "bot: systemd:nick.service is the same unit: two targets would restart it against each other")
        }
    }
}

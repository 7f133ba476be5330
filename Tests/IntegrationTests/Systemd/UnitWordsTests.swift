import SystemSupport
import TestSupport
import Testing
import WireProtocol

/// What the server hears of a unit, word for word, as a real systemd brings it about.
@Suite(.serialized, .timeLimit(.minutes(1)), .needsSystemd) struct UnitWordsTests {
    @Test func `What a watchdog ends is told as that, and brought back`() async throws {
        try await withUnitUnderWatch("[Service]\nExecStart=/bin/sleep infinity\nWatchdogSec=1s\n") { host in
            let died = try await host.heard { $0.event?.kind == .died }
            #expect(died.message == "bot was killed: SIGABRT (6); its watchdog timed out; restarting now")
            #expect(died.status == .error)
            #expect(died.event?.signal == 6)
            _ = try await host.heard { $0.event?.kind == .started }
        }
    }

    @Test func `What systemd gives up on is told as that, and started past its limit`() async throws {
        // Long enough between two lives for each end to be seen.
        let unit = """
            [Unit]
            StartLimitBurst=2
            StartLimitIntervalSec=1000
            [Service]
            ExecStart=/bin/sh -c 'if [ -e /tmp/share/well ]; then exec sleep infinity; fi'
            Restart=always
            RestartSec=1

            """
        try await withUnitUnderWatch(unit, isStarted: false) { host in
            try await host.run("touch", "/tmp/share/well")
            try await host.run("systemctl", "start", "bot.service")
            _ = try await host.heard { $0.status == .ok }
            try await host.run("rm", "/tmp/share/well")
            try await host.run("systemctl", "kill", "--signal=KILL", "bot.service")
            let died = try await host.heard { $0.status == .error }
            // Beside the number of the try.
            #expect(
                died.message?.hasPrefix(
                    "bot ended by itself: exit 0; it was started too often for systemd (start-limit-hit); "
                        + "its own supervisor has given up; restarting ") == true, "\(died.message ?? "")")
            try await host.run("touch", "/tmp/share/well")
            _ = try await host.heard { $0.status == .ok }
            #expect(try await host.state() == "active")
        }
    }

    /// As systemd-oomd does it: it kills, and leaves a note at the cgroup that the manager reads (systemd-oomd(8)).
    @Test func `What is killed for lack of memory is told as that, and brought back`() async throws {
        try await withUnitUnderWatch { host in
            let first = try await host.up()
            let note = "import os; os.setxattr('/sys/fs/cgroup/system.slice/bot.service', 'user.oomd_ooms', b'1')"
            try await host.run("/usr/bin/python3", "-c", note)
            try await host.run("systemctl", "kill", "--signal=KILL", "bot.service")
            let died = try await host.heard(after: first) { $0.event?.kind == .died }
            #expect(died.message == "bot was killed by the kernel: out of memory; restarting now")
            #expect(died.event?.oom == true)
            _ = try await host.heard { $0.event?.kind == .restarted }
        }
    }

    @Test func `A oneshot that ended well is up, and one that failed is run again`() async throws {
        let unit = """
            [Service]
            Type=oneshot
            ExecStart=/bin/sh -c 'sleep 0.3; [ ! -e /tmp/share/fail ]'
            [Unit]
            Before=kept.target

            """
        try await withUnitUnderWatch(unit, isStarted: false) { host in
            try await host.run("systemctl", "start", "bot.service")
            let first = try await host.up()
            try await host.run("touch", "/tmp/share/fail")
            _ = try? await host.run("systemctl", "start", "bot.service")
            let died = try await host.heard(after: first) { $0.event?.kind == .died }
            #expect(died.message == "bot died: exit 1; restarting now")
            try await host.run("rm", "/tmp/share/fail")
            _ = try await host.heard { $0.status == .ok }
        }
    }

    @Test func `An alias stands for its unit`() async throws {
        let unit = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nAlias=nick.service\n"
        try await withUnitUnderWatch(unit, as: "nick.service", isEnabled: true) { host in
            let first = try await host.up()
            try await host.run("systemctl", "kill", "--signal=KILL", "bot.service")
            let died = try await host.heard(after: first) { $0.event?.kind == .died }
            #expect(died.message == "nick was killed: SIGKILL (9); restarting now")
            _ = try await host.heard { $0.event?.kind == .restarted }
            try await host.run("systemctl", "stop", "bot.service")
            let stopped = try await host.heard { $0.event?.kind == .stopped }
            #expect(stopped.message == "nick was stopped by somebody: SIGTERM (15)")
        }
    }

    @Test func `An instance of a template is a unit of its own`() async throws {
        try await withUnitUnderWatch(
            "[Service]\nExecStart=/bin/sleep %i\n", file: "nap@.service", as: "nap@1000.service"
        ) { host in
            let first = try await host.up()
            try await host.run("systemctl", "start", "nap@2000.service")
            try await host.run("systemctl", "kill", "--signal=KILL", "nap@2000.service", "nap@1000.service")
            let died = try await host.heard(after: first) { $0.event?.kind == .died }
            #expect(died.message == "nap@1000 was killed: SIGKILL (9); restarting now")
            _ = try await host.heard { $0.event?.kind == .restarted }
            #expect(try await host.run("systemctl", "is-failed", "nap@2000.service") == "failed")
        }
    }

    @Test func `What a unit wrote last to the journal follows its death without secrets`() async throws {
        let unit = """
            [Service]
            ExecStart=/bin/sh -c 'echo first; echo API_KEY=hunter2; echo "that was it" >&2; sleep 1; exit 3'

            """
        try await withUnitUnderWatch(unit, flags: "--log-tail 2") { host in
            _ = try await host.up()
            let told = try await host.heard { $0.event?.kind == .evidence }
            let lines = told.message?.split(separator: "\n").map(String.init) ?? []
            #expect(lines.first?.hasPrefix("bot died: exit 3; was up ") == true)
            #expect(Array(lines.dropFirst()) == ["API_KEY=***", "that was it"])
            #expect(!host.stub.heartbeats.contains { $0.heartbeat.message?.contains("hunter2") == true })
        }
    }
}

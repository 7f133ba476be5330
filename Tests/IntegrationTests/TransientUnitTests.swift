import SystemPackage
import SystemSupport
import TestSupport
import Testing
import WireProtocol

#if canImport(Glibc)
    import Glibc
#endif

/// Bringing back processes under a real service manager.
@Suite(.timeLimit(.minutes(2)), .needsSystemd) struct TransientUnitTests {
    private static let user = "12345"
    private static let secret = "hunter2-in-the-environment"

    @Test func aProcessComesBackInAUnitOfItsOwnAndOutlivesTheRunner() async throws {
        try await withPrivateSystemd { systemd in
            try await withStubServer { stub in
                let first = try await startBot(systemd)
                try await startRunner(systemd, stub)
                let up = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
                try await systemd.kill(first)
                let back = try await stub.heartbeat(after: up.index) { $0.event?.kind == .restarted }
                let second = String(try #require(back.heartbeat.event?.pid))

                // Its own unit, no sandbox of the runner's, its own user; and no secret but in its environment.
                let cgroup = try await systemd.run("sed", "-n", "s/^0:://p", "/proc/\(second)/cgroup")
                #expect(cgroup.hasPrefix("/system.slice/clevagent-launch-_tmp_share_bot_bot_pid-"))
                let ours = try await systemd.run("readlink", "/proc/1/ns/mnt", "/proc/1/ns/pid", "/proc/1/ns/net")
                let theirs = try await systemd.run(
                    "readlink", "/proc/\(second)/ns/mnt", "/proc/\(second)/ns/pid", "/proc/\(second)/ns/net")
                #expect(theirs == ours)
                let status = try await systemd.run(
                    "grep", "-E", "^(Uid|Groups|CapPrm|NoNewPrivs)", "/proc/\(second)/status")
                #expect(status.contains("Uid:\t12345\t12345\t12345\t12345"))
                #expect(status.contains("Groups:\t7 8"))
                #expect(status.contains("CapPrm:\t0000000000000000"))
                #expect(status.contains("NoNewPrivs:\t0"))
                #expect(try await systemd.run("cat", "/proc/\(second)/environ").contains(Self.secret))
                #expect(try await systemd.run("readlink", "/proc/\(second)/cwd") == "/tmp/share/bot")
                let unit = try #require(cgroup.split(separator: "/").last.map(String.init))
                #expect(try await !systemd.run("systemctl", "show", unit).contains(Self.secret))
                #expect(try await !systemd.run("systemctl", "cat", unit).contains(Self.secret))
                // No recipe is left.
                #expect(try await systemd.run("ls", "/run/clevagent-runner") == "claims\ncontrol.sock")

                // The runner's service is started again: the process goes on, is known, and is brought back again.
                let seen = stub.heartbeats.count - 1
                try await systemd.run("systemctl", "restart", "clevagent-runner.service")
                let known = try await stub.heartbeat(after: seen) { $0.agent == "bot" && $0.status == .ok }
                #expect(known.heartbeat.event == nil || known.heartbeat.event?.pid == Int(second))
                #expect(try await systemd.run("cat", "/tmp/share/bot/bot.pid") == second)
                try await systemd.kill(second)
                let again = try await stub.heartbeat(after: known.index) { $0.event?.kind == .restarted }
                #expect(again.heartbeat.event?.pid != Int(second))
            }
        }
    }

    @Test func whatBelongsToAnotherServiceIsToldAndLeftToIt() async throws {
        try await withPrivateSystemd { systemd in
            try await withStubServer { stub in
                try await systemd.run("install", "-d", "/tmp/share/bot")
                try await systemd.start(
                    "web.service",
                    """
                    [Service]
                    ExecStart=\(try TestProcess.testTarget) run --pidfile /tmp/share/bot/bot.pid

                    """)
                try await startRunner(systemd, stub)
                let up = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
                try await systemd.run("systemctl", "kill", "--signal=KILL", "web.service")
                let told = try await stub.heartbeat(after: up.index) {
                    $0.message?.contains("it runs in the service web.service: watch it as systemd:web.service") == true
                }
                #expect(told.heartbeat.status == .error)
                let units = try await systemd.run(
                    "systemctl", "list-units", "--all", "--no-legend", "clevagent-launch-*")
                #expect(units == "")
            }
        }
    }

    @Test func aRunnerWithoutRootInAServiceStartsNothingInThere() async throws {
        try await withPrivateSystemd { systemd in
            try await withStubServer { stub in
                let first = try await startBot(systemd, user: "65534")
                // As the bot in all but what it would be confined in.
                try await startRunner(systemd, stub, more: "User=nobody\nSupplementaryGroups=7 8\n")
                let up = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
                try await systemd.kill(first)
                let told = try await stub.heartbeat(after: up.index) {
                    $0.message?.contains("the runner itself runs in the service clevagent-runner.service") == true
                }
                #expect(told.heartbeat.status == .error)
                #expect(told.heartbeat.message?.contains("run the runner as root, or outside of a service") == true)
                #expect(try await systemd.run("cat", "/tmp/share/bot/bot.pid") == first)
            }
        }
    }

    @Test func anOutputThatIsLostGoesToTheJournal() async throws {
        try await withPrivateSystemd { systemd in
            try await withStubServer { stub in
                let output = "/tmp/share/bot/output"
                let first = try await startBot(systemd, output: output)
                try await startRunner(systemd, stub)
                let up = try await stub.heartbeat { $0.agent == "bot" && $0.status == .ok }
                try await systemd.run("rm", output)
                try await systemd.kill(first)
                let back = try await stub.heartbeat(after: up.index) {
                    $0.message?.contains("its output went to \(output), now to the journal") == true
                }
                let second = try await systemd.run("cat", "/tmp/share/bot/bot.pid")
                #expect(back.heartbeat.status != .error)
                #expect(try await systemd.run("readlink", "/proc/\(second)/fd/1").hasPrefix("socket:"))
            }
        }
    }

    // MARK: - What is run inside

    private func startBot(
        _ systemd: PrivateSystemd, user: String = user, output: String = "/dev/null"
    ) async throws -> String {
        try await systemd.run("install", "-d", "-o", user, "-g", user, "/tmp/share/bot")
        let program = try TestProcess.testTarget.string
        return try await systemd.run(
            program, "orphan", "--user", user, "--cwd", "/tmp/share/bot", "--output", output, "--", program, "run",
            "--pidfile",
            "/tmp/share/bot/bot.pid", environment: ["SECRET": Self.secret])
    }

    private func startRunner(_ systemd: PrivateSystemd, _ stub: StubServer, more: String = "") async throws {
        try await systemd.start(
            "clevagent-runner.service",
            """
            [Service]
            ExecStart=\(BuiltProgram.runner.path) --watch process:/tmp/share/bot/bot.pid --endpoint \(stub.endpoint) \
            --heartbeat-interval 1 --state-dir /var/lib/clevagent-runner
            Environment=CLEVAGENT_API_KEY=cv_test
            StateDirectory=clevagent-runner
            RuntimeDirectory=clevagent-runner
            NoNewPrivileges=yes
            ProtectSystem=strict
            \(more)
            """)
    }
}

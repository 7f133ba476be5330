import FoundationEssentials
import SystemSupport
import TestSupport
import Testing
import WireProtocol

/// `--systemd-scope user`: units of a user's own service manager, which runs inside a private systemd as logind would run it.
@Suite(.serialized, .timeLimit(.minutes(1)), .needsSystemd) struct UserManagerTests {
    @Test(arguments: [true, false]) func `Units of a user are watched by the user's own runner`(
        hasBus: Bool
    ) async throws {
        try await withPrivateSystemd { systemd in
            try await withStubServer { stub in
                let user = try await UserManager(in: systemd, hasBus: hasBus)
                try user.write("bot.service", "[Service]\nExecStart=/bin/sleep infinity\n")
                try await user.systemctl("daemon-reload")
                try await user.systemctl("start", "bot.service")
                try await user.startRunner(
                    "--watch systemd:bot.service --systemd-scope user --endpoint \(stub.endpoint) "
                        + "--heartbeat-interval 1 --state-dir /run/user-manager/state")
                let host = UnitUnderWatch(systemd: systemd, stub: stub, agent: "bot")
                let first = try await host.up()

                try await user.systemctl("kill", "--signal=KILL", "bot.service")
                let died = try await host.heard(after: first) { $0.event?.kind == .died }
                #expect(died.message == "bot was killed: SIGKILL (9); restarting now")
                _ = try await host.heard { $0.event?.kind == .restarted }

                let restart = stub.queue("restart", type: "systemd", target: "bot.service", agent: "bot")
                #expect(try await stub.result(of: restart.id).result.status == .completed)

                try await user.systemctl("stop", "bot.service")
                let stopped = try await host.heard { $0.event?.kind == .stopped }
                #expect(stopped.message == "bot was stopped by somebody: SIGTERM (15)")
                #expect(try await user.systemctl("is-active", "bot.service", "||", "true") == "inactive")
            }
        }
    }
}

/// The service manager of a user who is not root.
private struct UserManager {
    private static let name = "nobody"
    private static let environment =
        "XDG_RUNTIME_DIR=/run/user-manager HOME=/run/user-manager "
        + "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user-manager/bus"

    private let systemd: PrivateSystemd
    private var units: String { systemd.share + "/user-units" }

    init(in systemd: PrivateSystemd, hasBus: Bool) async throws {
        self.systemd = systemd
        try await systemd.run("mkdir", "/tmp/share/user-units")
        for target in ["basic", "sockets", "timers", "paths", "shutdown", "exit"] {
            try write("\(target).target", "[Unit]\nDefaultDependencies=no\n")
        }
        try write(
            "default.target",
            "[Unit]\nDefaultDependencies=no\n\(hasBus ? "Wants=dbus.socket\nAfter=dbus.socket\n" : "")")
        try write(
            "dbus.socket", "[Socket]\nListenStream=%t/bus\n")
        try write(
            "dbus.service",
            """
            [Unit]
            Requires=dbus.socket
            [Service]
            Type=notify
            ExecStart=/usr/bin/dbus-daemon --session --address=systemd: --nofork --nopidfile --systemd-activation

            """)
        try await systemd.start(
            "user-manager.service",
            """
            [Unit]
            DefaultDependencies=no
            [Service]
            Type=notify
            ExecStart=/lib/systemd/systemd --user
            User=\(Self.name)
            Delegate=yes
            RuntimeDirectory=user-manager
            RuntimeDirectoryMode=0700
            Environment=\(Self.environment) SYSTEMD_UNIT_PATH=/tmp/share/user-units SYSTEMD_GENERATOR_PATH=/none

            """)
    }

    func write(_ unit: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: "\(units)/\(unit)"))
    }

    /// Runs `systemctl --user` as the user.
    @discardableResult
    func systemctl(_ arguments: String...) async throws -> String {
        let words = ["systemctl", "--user"] + arguments
        return try await systemd.run(
            [
                "setpriv", "--reuid", Self.name, "--regid", "nogroup", "--clear-groups", "env",
            ] + Self.environment.split(separator: " ").map(String.init) + ["sh", "-c", words.joined(separator: " ")])
    }

    /// Starts the built runner as one of the user's units.
    func startRunner(_ flags: String) async throws {
        try write(
            "clevagent-runner.service",
            """
            [Unit]
            DefaultDependencies=no
            [Service]
            ExecStart=\(BuiltProgram.runner.path) \(flags)
            Environment=CLEVAGENT_API_KEY=cv_test

            """)
        try await systemctl("daemon-reload")
        try await systemctl("start", "clevagent-runner.service")
    }
}

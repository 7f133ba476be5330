import FoundationEssentials
import NIOConcurrencyHelpers
import SystemSupport
import TestSupport
import WireProtocol

/// `bot.service` of a private systemd, the runner that watches it, and the server that it tells.
final class UnitUnderWatch {
    let systemd: PrivateSystemd
    let stub: StubServer
    private var index = -1

    init(systemd: PrivateSystemd, stub: StubServer) {
        self.systemd = systemd
        self.stub = stub
    }

    @discardableResult
    func run(_ arguments: String...) async throws -> String { try await systemd.run(arguments) }

    /// Waits for the first `ok`, and gives its place.
    func up() async throws -> Int {
        _ = try await heard { $0.status == .ok }
        return index
    }

    /// The next heartbeat of the kind, after all that were asked for before.
    func heard(after place: Int? = nil, _ isWanted: @escaping @Sendable (Heartbeat) -> Bool) async throws -> Heartbeat {
        let found = try await stub.heartbeat(after: place ?? index) { $0.agent == "bot" && isWanted($0) }
        index = found.index
        return found.heartbeat
    }

    func state() async throws -> String {
        try await run("systemctl", "show", "-P", "ActiveState", "bot.service")
    }
}

/// Runs `body` with a runner inside a systemd, watching `bot.service`.
///
/// - Parameters:
///   - unit: the text of its file; nil for none.
///   - rule: what polkit is to allow.
///   - hasBus: else the runner has only the manager's own socket.
func withUnitUnderWatch(
    _ unit: String? = "[Service]\nExecStart=/bin/sleep infinity\n", isStarted: Bool = true, user: String = "root",
    rule: String = "", hasBus: Bool = true, _ body: (UnitUnderWatch) async throws -> Void
) async throws {
    try await withPrivateSystemd(hasBus: hasBus) { systemd in
        try await withStubServer { stub in
            if !rule.isEmpty {
                try await systemd.run(["sh", "-c", "printf %s \"$1\" >/etc/polkit-1/rules.d/50-test.rules", "sh", rule])
            }
            if let unit { try systemd.write("bot.service", unit) }
            try await systemd.run("systemctl", "daemon-reload")
            if isStarted { try await systemd.run("systemctl", "start", "bot.service") }
            try await systemd.start(
                "clevagent-runner.service",
                """
                [Unit]
                DefaultDependencies=no
                [Service]
                ExecStart=\(BuiltProgram.runner.path) --watch systemd:bot.service --endpoint \(stub.endpoint) \
                --heartbeat-interval 1 --state-dir /var/lib/clevagent-runner
                Environment=CLEVAGENT_API_KEY=cv_test
                StateDirectory=clevagent-runner
                User=\(user)

                """)
            try await body(UnitUnderWatch(systemd: systemd, stub: stub))
        }
    }
}

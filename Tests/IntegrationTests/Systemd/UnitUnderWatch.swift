import FoundationEssentials
import NIOConcurrencyHelpers
import SystemSupport
import TestSupport
import WireProtocol

/// A unit of a private systemd, mostly `bot.service`, the runner that watches it, and the server that it tells.
final class UnitUnderWatch {
    let systemd: PrivateSystemd
    let stub: StubServer
    private let agent: String
    private var index = -1

    init(systemd: PrivateSystemd, stub: StubServer, agent: String) {
        self.systemd = systemd
        self.stub = stub
        self.agent = agent
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
        do {
            let found = try await stub.heartbeat(after: place ?? index) { $0.agent == agent && isWanted($0) }
            index = found.index
            return found.heartbeat
        } catch {
            let told = stub.heartbeats.map { "\($0.index) \($0.heartbeat.status) \($0.heartbeat.message ?? "")" }
            throw PrivateSystemdError(description: "not told after \(place ?? index): \(told.joined(separator: "; "))")
        }
    }

    func state() async throws -> String {
        try await run("systemctl", "show", "-P", "ActiveState", "bot.service")
    }
}

/// Runs `body` with a runner inside a systemd, watching one unit.
///
/// - Parameters:
///   - unit: the text of its file; nil for none.
///   - file: the file.
///   - name: what it is watched as, and started.
///   - isEnabled: so that its aliases are there.
///   - flags: more for the runner.
///   - rule: what polkit is to allow.
///   - preparing: done before the unit is started.
///   - hasBus: else the runner has only the manager's own socket.
func withUnitUnderWatch(
    _ unit: String? = "[Service]\nExecStart=/bin/sleep infinity\n", file: String = "bot.service",
    as name: String = "bot.service", isEnabled: Bool = false, isStarted: Bool = true, user: String = "root",
    rule: String = "",
    flags: String = "", hasBus: Bool = true,
    preparing: (PrivateSystemd) async throws -> Void = { _ in }, _ body: (UnitUnderWatch) async throws -> Void
) async throws {
    try await withPrivateSystemd(hasBus: hasBus) { systemd in
        try await withStubServer { stub in
            if !rule.isEmpty {
                try await systemd.run(["sh", "-c", "printf %s \"$1\" >/etc/polkit-1/rules.d/50-test.rules", "sh", rule])
            }
            try await preparing(systemd)
            if let unit { try systemd.write(file, unit) }
            try await systemd.run("systemctl", "daemon-reload")
            if isEnabled { try await systemd.run("systemctl", "enable", file) }
            if isStarted { try await systemd.run("systemctl", "start", name) }
            try await systemd.start(
                "clevagent-runner.service",
                """
                [Unit]
                DefaultDependencies=no
                [Service]
                ExecStart=\(BuiltProgram.runner.path) --watch systemd:\(name) --endpoint \(stub.endpoint) \
                \(flags) --heartbeat-interval 1 --state-dir /var/lib/clevagent-runner
                Environment=CLEVAGENT_API_KEY=cv_test
                StateDirectory=clevagent-runner
                User=\(user)

                """)
            try await body(UnitUnderWatch(systemd: systemd, stub: stub, agent: String(name.dropLast(".service".count))))
        }
    }
}

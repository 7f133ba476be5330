import FoundationEssentials
import Logging
import Supervision
import SystemPackage
import SystemSupport
import SystemdSupport
import SystemdWatcher
import TestSupport
import Testing
import WatcherAPI

// One after the other: each has a systemd of its own.
@Suite(.serialized, .timeLimit(.minutes(5)), .needsSystemd) struct SystemdConformanceTests {
    @Test(arguments: WatcherConformance.checks)
    func `The systemd watcher keeps the contract`(check: WatcherConformance.Check) async throws {
        try await withPrivateSystemd(hasBus: true) { systemd in
            try await check.run(on: ConformanceUnit(systemd, by: systemd.bus))
        }
    }

    @Test func `Of 200 deaths in a row none is missed and nothing is left behind`() async throws {
        try await withPrivateSystemd(hasBus: true) { systemd in
            try await WatcherConformance.deaths(200, of: ConformanceUnit(systemd, by: systemd.bus))
        }
    }
}

extension PrivateSystemd {
    /// The way to it over its bus.
    var bus: ManagerRoute { .bus("unix:path=\(root)/run/dbus/system_bus_socket") }

    /// Its files, from outside.
    private var root: String {
        let pid = (try? String(contentsOfFile: directory + "/pid", encoding: .utf8)) ?? ""
        return "/proc/\(pid.prefix { $0.isNumber })/root"
    }

    func watcher(of target: TargetID, by route: ManagerRoute, every interval: Duration = .seconds(30)) throws
        -> SystemdWatcher
    {
        try SystemdWatcher(
            WatcherContext(
                targets: [target: TargetSettings()], memory: MemoryWatcherMemory(), logger: Logger(label: "test")),
            routes: [route], rereadInterval: interval, loop: try EventLoop())
    }
}

/// A unit as the suite wants it.
private struct ConformanceUnit: WatcherConformanceTarget {
    let id = TargetID(kind: .systemd, name: "bot")
    let watcher: any Watcher & TargetController
    private let systemd: PrivateSystemd

    init(_ systemd: PrivateSystemd, by route: ManagerRoute) throws {
        self.systemd = systemd
        watcher = try systemd.watcher(of: id, by: route)
    }

    func start() async throws {
        try systemd.write("bot.service", "[Service]\nExecStart=/bin/sleep infinity\nStartLimitIntervalSec=0\n")
        try await systemd.run("systemctl", "start", "bot.service")
    }

    func crash() async throws {
        try await systemd.run("systemctl", "kill", "--signal=KILL", "bot.service")
    }

    func stopInOrder() async throws {
        try await systemd.run("systemctl", "stop", "bot.service")
    }

    func remove() async throws {
        try await systemd.run("systemctl", "stop", "bot.service")
    }
}

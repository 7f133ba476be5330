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

    /// A bus lets one connection have 128 calls without an answer (dbus-daemon(1)).
    @Test func `More units than a bus takes questions at once are all known after one look`() async throws {
        try await withPrivateSystemd(hasBus: true) { systemd in
            try systemd.write("nap@.service", "[Service]\nExecStart=/bin/sleep infinity\n")
            try await systemd.run("systemctl", "daemon-reload")
            let targets = (1...150).map { TargetID(kind: .systemd, name: "nap@\($0).service") }
            let watcher = try SystemdWatcher(
                WatcherContext(
                    targets: Dictionary(uniqueKeysWithValues: targets.map { ($0, TargetSettings()) }),
                    memory: MemoryWatcherMemory(), logger: Logger(label: "test")),
                routes: [systemd.bus], rereadInterval: .seconds(3600), loop: try EventLoop())
            let (seen, continuation) = AsyncStream.makeStream(of: (TargetID, Observation).self)
            let observing = Task { await watcher.observe(targets) { continuation.yield(($0, $1)) } }
            var missing = Set(targets)
            for await (target, observation) in seen {
                if case .dead = observation.liveness {} else { Issue.record("\(target): \(observation)") }
                missing.remove(target)
                if missing.isEmpty { break }
            }
            observing.cancel()
            await observing.value
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

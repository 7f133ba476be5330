import Glibc
import Logging
import NIOConcurrencyHelpers
import Supervision
import SystemSupport
import SystemdSupport
import SystemdWatcher
import TestSupport
import Testing
import WatcherAPI

/// A manager that answers with anything: nothing ends, nothing leaks, and nothing is taken for dead.
@Suite(
    .serialized, .timeLimit(.minutes(1)),
    .enabled(if: access("/usr/bin/dbus-daemon", X_OK) == 0, "needs the package dbus"))
struct StandInManagerTests {
    private let target = TargetID(kind: .systemd, name: "bot")
    private static let path = "/org/freedesktop/systemd1/unit/bot_2eservice"

    private func watcher(_ manager: StandInManager) throws -> SystemdWatcher {
        try SystemdWatcher(
            WatcherContext(
                targets: [target: TargetSettings()], memory: MemoryWatcherMemory(), logger: Logger(label: "test")),
            routes: [.bus(manager.address)], loop: try EventLoop())
    }

    private func withManager(_ body: (StandInManager) async throws -> Void) async throws {
        let manager = try await StandInManager()
        do { try await body(manager) } catch {
            await manager.end()
            throw error
        }
        await manager.end()
    }

    /// As systemd would answer of a unit that runs.
    private static func answerWell(_ method: String, _ interface: String, _ reply: StandInMessage) {
        switch method {
        case "LoadUnit": reply.text(path, "o")
        case "Get": reply.container("v", "s") { reply.text("running") }
        case "GetAll":
            reply.properties([
                ("ActiveState", { $0.text("active") }, "s"), ("SubState", { $0.text("running") }, "s"),
                ("LoadState", { $0.text("loaded") }, "s"),
                ("Zukunft", { message in message.container("a", "{s(uas)}") {} }, "a{s(uas)}"),
            ])
        default: break
        }
    }

    @Test func `Unknown properties are passed over`() async throws {
        try await withManager { manager in
            manager.answerWith { Self.answerWell($0, $1, $2) }
            _ = try await observing(try watcher(manager), target) { try await $0.alive() }
        }
    }

    @Test func `Answers and signals of wrong types are told, and followed by right ones`() async throws {
        try await withManager { manager in
            let watcher = try watcher(manager)
            let held = try ResourceCount.now()
            for seed in UInt64(1)...120 {
                let random = NIOLockedValueBox(Garbage(seed: seed))
                manager.answerWith { method, _, reply in
                    // It must be there at all, or nothing would be asked of it.
                    if method == "Subscribe" { return }
                    random.withLockedValue { $0.write(to: reply) }
                }
                try await observing(watcher, target) { observations in
                    let first = try await observations.next()
                    switch first.liveness {
                    case .undetermined, .missing, .handledElsewhere: break
                    case .alive, .unhealthy, .dead: Issue.record("seed \(seed): \(first)")
                    }
                    manager.answerWith { Self.answerWell($0, $1, $2) }
                    for member in ["PropertiesChanged", "JobRemoved", "Reloading", "NoSuchThing"] {
                        let interface =
                            member == "PropertiesChanged" ? SystemdName.properties : SystemdName.managerInterface
                        for path in [Self.path, SystemdName.manager] {
                            manager.send(member, interface, path: path) { message in
                                random.withLockedValue { $0.write(to: message) }
                            }
                        }
                    }
                    manager.send("Reloading", SystemdName.managerInterface, path: SystemdName.manager) { message in
                        message.flag(false)
                    }
                    _ = try await observations.alive()
                }
            }
            try held.requireNoGrowth(over: 120)
        }
    }
}

/// Values that nobody expects, the same for the same seed.
private struct Garbage {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    private mutating func next(_ bound: UInt64) -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state >> 33) % bound
    }

    private static let names = Array(UnitFacts.unitNames.union(UnitFacts.serviceNames)).sorted() + ["Zukunft", ""]

    mutating func write(to message: StandInMessage) {
        switch next(5) {
        case 0: break
        case 1: message.number(UInt32(next(7)))
        case 2: message.text("Bus", "s")
        case 3: message.container("a", "s") { for _ in 0..<3 { message.text("x") } }
        default:
            var properties: [(name: String, write: (StandInMessage) -> Void, type: String)] = []
            for _ in 0..<next(20) {
                let name = Self.names[Int(next(UInt64(Self.names.count)))]
                let wide = UInt64.max - next(3)
                switch next(7) {
                case 0: properties.append((name, { $0.number(7) }, "u"))
                case 4: properties.append((name, { $0.wide(wide) }, "t"))
                case 5: properties.append((name, { $0.text(String(repeating: "z", count: 100_000)) }, "s"))
                case 6:
                    properties.append(
                        (
                            name,
                            { message in
                                message.container("v", "v") { message.container("v", "s") { message.text("deep") } }
                            }, "v"
                        ))
                case 1: properties.append((name, { $0.flag(true) }, "b"))
                case 2: properties.append((name, { message in message.container("a", "(sv)") {} }, "a(sv)"))
                default:
                    properties.append(
                        (
                            name,
                            { message in
                                message.container("r", "us") {
                                    message.number(1); message.text("y")
                                }
                            }, "(us)"
                        ))
                }
            }
            message.properties(properties)
        }
    }
}

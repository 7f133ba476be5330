import Supervision
import SystemdSupport
import SystemdWatcher
import Testing

/// What several tellings of a unit come to, in the order in which systemd 252 sends them.
@Suite struct UnitHistoryTests {
    enum Step: Sendable {
        case told([String: BusValue])
        case jobEnded(UInt64, String)
        case ourJobEnded(UInt64, String)
    }

    private static let life = Array(repeating: UInt8(0xAB), count: 16)
    private static let running: [String: BusValue] = [
        "Id": .text("bot.service"), "LoadState": .text("loaded"), "ActiveState": .text("active"),
        "SubState": .text("running"), "Job": .list([.number(0), .text("/")]), "InvocationID": .bytes(life),
        "Type": .text("simple"), "Result": .text("success"), "MainPID": .number(7), "NRestarts": .number(0),
        "InactiveExitTimestampMonotonic": .number(100), "ActiveEnterTimestampMonotonic": .number(100),
        "ExecMainStartTimestampMonotonic": .number(99), "ConditionTimestampMonotonic": .number(98),
    ]
    private static let killed: [String: BusValue] = [
        "ActiveState": .text("failed"), "SubState": .text("failed"), "Result": .text("signal"), "MainPID": .number(0),
        "ExecMainCode": .signed(2), "ExecMainStatus": .signed(9), "ExecMainExitTimestampMonotonic": .number(200),
        "ActiveExitTimestampMonotonic": .number(201),
    ]
    private static let gone: [String: BusValue] = [
        "ActiveState": .text("inactive"), "SubState": .text("dead"), "InvocationID": .bytes([]),
        "Result": .text("success"), "MainPID": .number(0), "ExecMainCode": .signed(0),
        "ExecMainExitTimestampMonotonic": .number(0), "ConditionTimestampMonotonic": .number(0),
    ]
    private static func job(_ number: UInt64, _ more: [String: BusValue] = [:]) -> Step {
        .told(["Job": .list([.number(number), .text("/")])].merging(more) { $1 })
    }
    private static let waiting: [String: BusValue] = [
        "ActiveState": .text("activating"), "SubState": .text("auto-restart"),
    ]

    private static let dead = End(identity: Identity(token: String(repeating: "ab", count: 16)), cause: .signal(9))
    private static let stopped = End(
        identity: dead.identity, cause: .unknown, isDeliberate: true, detail: "it was down already")

    @Test(
        arguments: [
            ("a death", [.told(killed)], dead),
            ("systemctl stop of what failed", [.told(killed), job(5), .jobEnded(5, "done"), job(0)], stopped),
            ("a stop job that was cancelled", [.told(killed), job(5), .jobEnded(5, "canceled"), job(0)], dead),
            ("a job of the runner's own", [.told(killed), job(5), .ourJobEnded(5, "done"), job(0)], dead),
            (
                "systemctl stop of what is forgotten, after a job of the runner's own",
                [.told(killed), job(5), .ourJobEnded(5, "done"), job(0), .told(gone), .jobEnded(6, "done")], stopped
            ),
            ("systemctl try-restart of what failed", [.told(killed), .jobEnded(5, "done")], dead),
            (
                "a start whose conditions are not met",
                [
                    .told(killed), job(5), job(5, ["ConditionTimestampMonotonic": .number(300)]), .jobEnded(5, "done"),
                    job(0),
                ], dead
            ),
            (
                "systemctl reset-failed",
                [
                    .told(killed),
                    .told(["ActiveState": .text("inactive"), "SubState": .text("dead"), "Result": .text("success")]),
                    .told(gone),
                ], dead
            ),
            (
                "systemctl stop after reset-failed",
                [
                    .told(killed),
                    .told(["ActiveState": .text("inactive"), "SubState": .text("dead"), "Result": .text("success")]),
                    .told(gone), .jobEnded(5, "done"), .told(gone),
                ], stopped
            ),
            ("systemctl stop of what is forgotten", [.told(killed), .told(gone), .jobEnded(5, "done")], stopped),
            (
                "systemctl stop while systemd waits to restart it",
                [.told(killed.merging(waiting) { $1 }), job(5), job(5, killed), .jobEnded(5, "done"), job(0)], stopped
            ),
        ] as [(String, [Step], End)])
    func `A stop of what is down is told from all that is none`(name: String, steps: [Step], end: End) {
        let history = Self.history(steps)
        let liveness = UnitJudgement(history.facts, wayDown: history.wayDown).observation().liveness
        #expect(liveness == .dead(end))
    }

    @Test func `A stop is over with the next start`() {
        let next: [String: BusValue] = Self.running.merging(["InvocationID": .bytes([1]), "MainPID": .number(8)]) { $1 }
        let history = Self.history(
            [.told(Self.killed), Self.job(5), .jobEnded(5, "done"), Self.job(0), .told(next)])
        #expect(history.wayDown == nil)
        #expect(history.former == nil)
    }

    @Test(
        arguments: [
            (1, nil), (3, "systemd has restarted it 3 times since"),
        ] as [(UInt64, String?)])
    func `A death that nobody saw is known by the count of systemd's restarts`(restarts: UInt64, detail: String?) {
        let next = Self.running.merging(["InvocationID": .bytes([1]), "NRestarts": .number(restarts)]) { $1 }
        let history = Self.history([.told(next)])
        #expect(history.former == End(identity: Self.dead.identity, cause: .unknown, detail: detail))
    }

    @Test func `A death that was seen is not told a second time with the next life`() {
        let next = Self.running.merging(["InvocationID": .bytes([1]), "NRestarts": .number(1)]) { $1 }
        #expect(Self.history([.told(Self.killed.merging(Self.waiting) { $1 }), .told(next)]).former == nil)
        // Somebody restarted it.
        let other = Self.running.merging(["InvocationID": .bytes([1])]) { $1 }
        #expect(Self.history([.told(other)]).former == nil)
    }

    /// As the watcher does it: a signal changes what is known.
    private static func history(_ steps: [Step]) -> UnitHistory {
        var history = UnitHistory(unit: "bot.service")
        for step in [.told(running)] + steps {
            switch step {
            case .told(let properties):
                var facts = history.facts
                facts.update(properties)
                history.take(facts)
            case .jobEnded(let job, let result): history.jobEnded(job, result)
            case .ourJobEnded(let job, let result): history.jobEnded(job, result, isOurs: true)
            }
        }
        return history
    }
}

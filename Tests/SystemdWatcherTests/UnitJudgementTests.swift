import Supervision
import SystemSupport
import SystemdSupport
import SystemdWatcher
import Testing

/// Properties in, observation out.
@Suite struct UnitJudgementTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var changes: [String: BusValue]
        var wayDown: WayDown?
        var isHostStopping = false
        var liveness: Observation.Liveness
        var obstacle: String?

        init(
            _ name: String, _ changes: [String: BusValue], wayDown: WayDown? = nil, hostStopping: Bool = false,
            _ liveness: Observation.Liveness, obstacle: String? = nil
        ) {
            self.name = name
            self.changes = changes
            self.wayDown = wayDown
            isHostStopping = hostStopping
            self.liveness = liveness
            self.obstacle = obstacle
        }

        var testDescription: String { name }
    }

    private static let life = Identity(token: String(repeating: "ab", count: 16))
    /// A service that runs: it began at 100.
    private static let running: [String: BusValue] = [
        "Id": .text("bot.service"), "LoadState": .text("loaded"), "ActiveState": .text("active"),
        "SubState": .text("running"), "Job": .list([.number(0), .text("/")]),
        "InvocationID": .bytes(Array(repeating: 0xAB, count: 16)), "CanStart": .flag(true),
        "ActiveEnterTimestampMonotonic": .number(100), "InactiveExitTimestampMonotonic": .number(100),
        "Type": .text("simple"), "Result": .text("success"), "MainPID": .number(7),
        "ExecMainStartTimestampMonotonic": .number(99), "RuntimeMaxUSec": .number(.max),
    ]
    private static let job: BusValue = .list([.number(5), .text("/org/freedesktop/systemd1/job/5")])

    /// Its main process ended at 200, and systemd noticed.
    private static func ended(
        _ state: String, _ result: String, code: Int64, _ status: Int64, exit: UInt64 = 200, activeExit: UInt64 = 201,
        _ more: [String: BusValue] = [:]
    ) -> [String: BusValue] {
        [
            "ActiveState": .text(state), "SubState": .text(state == "failed" ? "failed" : "dead"),
            "Result": .text(result), "MainPID": .number(0), "ExecMainCode": .signed(code),
            "ExecMainStatus": .signed(status), "ExecMainExitTimestampMonotonic": .number(exit),
            "ActiveExitTimestampMonotonic": .number(activeExit),
        ].merging(more) { $1 }
    }

    private static func dead(_ cause: End.Cause, deliberate: Bool = false, _ detail: String? = nil)
        -> Observation.Liveness
    {
        .dead(End(identity: life, cause: cause, isDeliberate: deliberate, detail: detail))
    }

    private static let forgotten: [String: BusValue] = [
        "ActiveState": .text("inactive"), "SubState": .text("dead"), "InvocationID": .bytes([]), "MainPID": .number(0),
    ]
    private static let atRest = Identity(token: "ended well")
    private static let oneshot: [String: BusValue] = ["Type": .text("oneshot")]

    private static let cases: [Case] = [
        Case("running", [:], .alive(life)),
        Case("reloading", ["ActiveState": .text("reloading"), "SubState": .text("reload")], .alive(life)),
        Case("stays up without a process", ["SubState": .text("exited"), "MainPID": .number(0)], .alive(life)),
        // Deaths.
        Case("exit code", ended("failed", "exit-code", code: 1, 3), dead(.exit(code: 3))),
        Case("killed with -9", ended("failed", "signal", code: 2, 9), dead(.signal(9))),
        Case("core dump", ended("failed", "core-dump", code: 3, 11), dead(.signal(11), "it dumped core")),
        Case("out of memory", ended("failed", "oom-kill", code: 2, 9), dead(.outOfMemory)),
        Case(
            "watchdog", ended("failed", "watchdog", code: 2, 6, exit: 202),
            dead(.signal(6), "its watchdog timed out")),
        Case("ended by itself", ended("inactive", "success", code: 1, 0), dead(.exit(code: 0))),
        Case(
            "start limit", ended("failed", "start-limit-hit", code: 1, 1, exit: 50),
            dead(.exit(code: 1), "it was started too often for systemd (start-limit-hit)")),
        Case(
            "no such program", ended("failed", "exit-code", code: 1, 203),
            dead(.exit(code: 203), "systemd could not execute its program (203/EXEC)")),
        Case(
            "a command before it failed, and its own numbers are of an earlier life",
            ended("failed", "exit-code", code: 1, 0, exit: 50, activeExit: 51),
            dead(.unknown, "systemd says: exit-code")),
        Case(
            "did not start in time",
            ended("failed", "timeout", code: 2, 15, activeExit: 0, ["ActiveEnterTimestampMonotonic": .number(0)]),
            dead(.signal(15), "it did not start in time")),
        Case(
            "ran too long",
            ended("failed", "timeout", code: 2, 15, exit: 202, ["RuntimeMaxUSec": .number(1_000_000)]),
            dead(.signal(15), "it ran longer than its RuntimeMaxSec= allows")),
        Case(
            "resources", ended("failed", "resources", code: 0, 0, exit: 0),
            dead(.unknown, "systemd lacked what it needs to start it")),
        Case(
            "protocol", ended("failed", "protocol", code: 1, 0),
            dead(.exit(code: 0), "it did not do what its Type=simple promises")),
        Case(
            "a condition", ended("inactive", "exec-condition", code: 0, 0, exit: 0),
            dead(.unknown, "its ExecCondition= said no")),
        Case(
            "a result of the future", ended("failed", "bored", code: 1, 1), dead(.exit(code: 1), "systemd says: bored")),
        // Deliberate ends.
        Case(
            "systemctl stop", ended("inactive", "success", code: 2, 15, exit: 202), dead(.signal(15), deliberate: true)),
        Case(
            "systemctl stop of what exits well", ended("inactive", "success", code: 1, 0, exit: 202),
            dead(.exit(code: 0), deliberate: true)),
        Case(
            "systemctl stop of what exits badly", ended("failed", "exit-code", code: 1, 143, exit: 202),
            dead(.exit(code: 143), deliberate: true)),
        Case(
            "systemctl stop of what has to be killed", ended("failed", "timeout", code: 2, 9, exit: 202),
            dead(.signal(9), deliberate: true, "it did not stop in time")),
        Case(
            "systemctl kill with TERM", ended("inactive", "success", code: 2, 15), dead(.signal(15), deliberate: true)),
        Case(
            "a stop that was seen", ended("failed", "exit-code", code: 1, 1), wayDown: .stopped,
            dead(.exit(code: 1), deliberate: true)),
        Case(
            "it said by itself that it stops", ended("inactive", "success", code: 1, 0, exit: 202), wayDown: .byItself,
            dead(.exit(code: 0))),
        Case(
            "systemctl stop of what was down", ended("failed", "signal", code: 2, 9), wayDown: .stoppedWhenDown,
            dead(.unknown, deliberate: true, "it was down already")),
        Case(
            "forgotten by systemd", forgotten, .dead(End(identity: nil, cause: .unknown, isDeliberate: true))),
        // What is systemd's.
        Case(
            "auto-restart",
            ended(
                "activating", "signal", code: 2, 9,
                ["SubState": .text("auto-restart"), "InactiveExitTimestampMonotonic": .number(205)]),
            .handledElsewhere("is brought back by systemd itself, after it was ended by SIGKILL (9)")),
        Case(
            "auto-restart, again and again",
            ended(
                "activating", "exit-code", code: 1, 1,
                [
                    "SubState": .text("auto-restart"), "InactiveExitTimestampMonotonic": .number(205),
                    "NRestarts": .number(5),
                ]), .handledElsewhere("is brought back by systemd itself for the 6th time, after it ended with exit 1")),
        Case(
            "on its way to auto-restart, which looks like down",
            ended("failed", "signal", code: 2, 9, ["SubState": .text("failed-before-auto-restart")]),
            .handledElsewhere("is brought back by systemd itself, after it was ended by SIGKILL (9)")),
        Case(
            "auto-restart on a host that goes down",
            ended("activating", "signal", code: 2, 9, ["SubState": .text("auto-restart")]), hostStopping: true,
            .handledElsewhere("is left alone: this host is going down")),
        Case(
            "activating", ["ActiveState": .text("activating"), "SubState": .text("start-pre")],
            .handledElsewhere("is being started by systemd (start-pre)")),
        Case(
            "deactivating", ["ActiveState": .text("deactivating"), "SubState": .text("stop-sigterm")],
            wayDown: .stopped,
            .handledElsewhere("is being stopped (stop-sigterm)")),
        Case(
            "deactivating after a crash",
            ended("deactivating", "signal", code: 2, 9, ["SubState": .text("final-sigterm")]), wayDown: .byItself,
            .handledElsewhere("was ended by SIGKILL (9), and systemd ends what is left of it (final-sigterm)")),
        Case(
            "down with a job", ended("inactive", "success", code: 1, 0, ["Job": job]),
            .handledElsewhere("waits for systemd, which has a job for it")),
        // Oneshots.
        Case(
            "a oneshot at work",
            oneshot.merging(["ActiveState": .text("activating"), "SubState": .text("start")]) { $1 },
            .handledElsewhere("runs, until it is done")),
        Case("a oneshot that ended well", ended("inactive", "success", code: 1, 0, oneshot), .alive(atRest)),
        Case(
            "a oneshot that ended well, and that systemd has forgotten",
            oneshot.merging(forgotten) { $1 }, .alive(atRest)),
        Case(
            "a oneshot that is forgotten, and was stopped when it was down", oneshot.merging(forgotten) { $1 },
            wayDown: .stoppedWhenDown,
            .dead(End(identity: nil, cause: .unknown, isDeliberate: true, detail: "it was down already"))),
        Case(
            "a oneshot that remains, and is forgotten",
            oneshot.merging(forgotten) { $1 }.merging(["RemainAfterExit": .flag(true)]) { $1 },
            .dead(End(identity: nil, cause: .unknown, isDeliberate: true))),
        Case("a oneshot that failed", ended("failed", "exit-code", code: 1, 2, oneshot), dead(.exit(code: 2))),
        Case(
            "a oneshot that was stopped", ended("inactive", "success", code: 1, 0, oneshot), wayDown: .stopped,
            dead(.exit(code: 0), deliberate: true)),
        Case(
            "a oneshot that remains, and was stopped",
            ended(
                "inactive", "success", code: 1, 0, exit: 101, oneshot.merging(["RemainAfterExit": .flag(true)]) { $1 }),
            dead(.exit(code: 0), deliberate: true)),
        // Names.
        Case("alias", ["Id": .text("real.service")], .alive(life)),
        Case("an instance of a template", ["Id": .text("bot@eu-1.service")], .alive(life)),
        Case(
            "not found",
            ["LoadState": .text("not-found"), "ActiveState": .text("inactive"), "InvocationID": .bytes([])],
            .missing("is not there: systemd knows no unit bot.service"), obstacle: "systemd knows no unit bot.service"),
        Case(
            "masked", ["LoadState": .text("masked"), "ActiveState": .text("inactive"), "InvocationID": .bytes([])],
            .missing("is masked: 'systemctl unmask bot.service' lets it start"),
            obstacle: "bot.service is masked: 'systemctl unmask bot.service' lets it start"),
        Case(
            "masked, after a crash", ended("failed", "signal", code: 2, 9, ["LoadState": .text("masked")]),
            dead(.signal(9)), obstacle: "bot.service is masked: 'systemctl unmask bot.service' lets it start"),
        Case(
            "a file that is wrong",
            [
                "LoadState": .text("bad-setting"), "ActiveState": .text("inactive"), "InvocationID": .bytes([]),
                "LoadError": .list([.text("x.y"), .text("it has no ExecStart=")]),
            ], .missing("has a unit file that systemd can't use: it has no ExecStart="),
            obstacle: "systemd can't use its unit file: it has no ExecStart="),
        Case(
            "nobody may start it", ended("failed", "signal", code: 2, 9, ["CanStart": .flag(false)]), dead(.signal(9)),
            obstacle: "its unit file does not let anybody start it (RefuseManualStart=)"),
        // The host.
        Case(
            "host stopping", ended("inactive", "success", code: 2, 15), hostStopping: true,
            .handledElsewhere("is left alone: this host is going down")),
        Case("host stopping, and it still runs", [:], hostStopping: true, .alive(life)),
        // What is not understood is not down.
        Case(
            "a state of the future", ["ActiveState": .text("dreaming")],
            .undetermined("is in a state that is not known here: 'dreaming'")),
    ]

    @Test(arguments: [
        (ended("inactive", "success", code: 1, 0, oneshot), "ended well"),
        (oneshot.merging(forgotten) { $1 }, "at rest; systemd knows of no run of it"),
    ])
    func `Of a oneshot at rest it is said whether it ran`(changes: [String: BusValue], words: String) {
        var facts = UnitFacts()
        facts.update(Self.running.merging(changes) { $1 })
        #expect(UnitJudgement(facts).observation(memoryMB: nil).remark == words)
    }

    @Test(arguments: cases) func `A unit is judged by its properties`(_ test: Case) {
        var facts = UnitFacts()
        facts.update(Self.running.merging(test.changes) { $1 })
        let judgement = UnitJudgement(facts, wayDown: test.wayDown, isHostStopping: test.isHostStopping)
        let observation = judgement.observation(memoryMB: nil)
        #expect(observation.liveness == test.liveness)
        #expect(observation.obstacle == test.obstacle)
    }

    @Test func `Properties of wrong types are as good as none`() {
        let wrong: [BusValue] = [.text("x"), .flag(true), .number(.max), .signed(-1), .bytes([1]), .list([]), .other]
        for name in Self.running.keys {
            for value in wrong {
                var facts = UnitFacts()
                facts.update([name: value])
                let liveness = UnitJudgement(facts).observation().liveness
                guard case .undetermined = liveness else {
                    Issue.record("\(name) = \(value): \(liveness)")
                    continue
                }
            }
        }
    }

    @Test func `What lives is told with its memory and its process`() {
        var facts = UnitFacts()
        facts.update(Self.running)
        let observation = UnitJudgement(facts).observation(memoryMB: 12.5)
        #expect(observation.memoryMB == 12.5)
        guard case .alive(let identity) = observation.liveness else { return #expect(Bool(false)) }
        #expect(identity.pid == 7)
    }

    @Test func `What systemd restarts itself carries its death, with its cause and when that life began`() {
        var facts = UnitFacts()
        facts.update(
            Self.running.merging(
                Self.ended(
                    "activating", "exit-code", code: 1, 3,
                    [
                        "SubState": .text("auto-restart"), "InactiveExitTimestampMonotonic": .number(9_000_000),
                        "ExecMainStartTimestampMonotonic": .number(1_000_000),
                        "ExecMainExitTimestampMonotonic": .number(8_000_000),
                    ])
            ) { $1 })
        let former = UnitJudgement(facts).observation().former
        #expect(former == End(identity: Self.life, cause: .exit(code: 3)))
        // Not when it began to wait; the two clocks are not read at one moment.
        let began = former?.identity?.began.map { $0.duration(to: BootInstant(monotonicMicroseconds: 1_000_000)) }
        #expect(began.map { abs($0 / .seconds(1)) < 1 } == true)
        #expect(UnitJudgement(facts, isHostStopping: true).observation().former == nil)
        // A signal of an orderly end is a death, too, where systemd goes on.
        facts.update(["Result": .text("success"), "ExecMainCode": .signed(2), "ExecMainStatus": .signed(15)])
        #expect(UnitJudgement(facts).observation().former == End(identity: Self.life, cause: .signal(15)))
    }

    @Test func `A start that came to nothing is told in systemd's words`() {
        var facts = UnitFacts()
        facts.update(Self.running.merging(Self.ended("failed", "exit-code", code: 1, 203)) { $1 })
        #expect(facts.failedStart == "systemd could not execute its program (203/EXEC)")
        facts.update(["ExecMainStatus": .signed(3)])
        #expect(facts.failedStart == "it came up and ended with exit 3")
    }

    @Test func `A unit that runs without its file is a concern`() {
        var facts = UnitFacts()
        facts.update(Self.running.merging(["LoadState": .text("not-found")]) { $1 })
        let observation = UnitJudgement(facts).observation()
        #expect(observation.liveness == .alive(Self.life))
        #expect(observation.concern == "its unit file is gone")
    }
}

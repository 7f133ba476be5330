import ProcessWatcher
import Supervision
import SystemPackage
import SystemSupport
import Testing

/// Which of several processes is the target. The clock stands at 100 s.
@Suite struct MatchJudgementTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var processes: [MatchedProcess]
        var memory: MatchMemory
        var verdict: Verdict

        init(
            _ testDescription: String, _ processes: [MatchedProcess], _ memory: MatchMemory = .init(),
            _ verdict: Verdict
        ) {
            self.testDescription = testDescription
            self.processes = processes
            self.memory = memory
            self.verdict = verdict
        }
    }

    enum Verdict: Sendable, Hashable {
        case alive(Int32)
        case dead
        /// With a part of the reason.
        case hindered(String)
        case missing
        case undetermined(String)
    }

    static let rows: [Row] = [
        Row("nobody", [], .missing),
        Row("one", [match(5)], .alive(5)),
        Row("the oldest, not the lowest PID", [match(5, began: 50), match(9, began: 40)], .alive(9)),
        Row("the lowest PID of those that began together", [match(9), match(5), match(7)], .alive(5)),
        Row("two strangers", [match(5), match(6, of: other)], .undetermined("ambiguous: process 5")),
        Row("two users of one program", [match(5), match(6, of: nobody)], .undetermined("user 65534")),
        Row("one executable by two names", [match(5), match(6, of: alias)], .undetermined("ambiguous")),
        Row(
            "a wrapper and its child", [match(5, of: other), match(6, began: 60, ancestors: [5, 1])], .alive(5)),
        Row(
            "a master that dropped root in its workers",
            [match(5), match(6, of: nobody, ancestors: [5, 1]), match(7, of: nobody, ancestors: [5, 1])], .alive(5)),
        Row("a grandchild", [match(5, of: other), match(7, ancestors: [6, 5, 1])], .alive(5)),
        Row(
            "two wrapped copies belong together by their programs",
            [
                match(5, of: other), match(6, ancestors: [5, 1]), match(7, of: other), match(8, ancestors: [7, 1]),
            ], .alive(5)),
        Row(
            "a wrapped copy and a stranger",
            [match(5, of: other), match(6, ancestors: [5, 1]), match(7, of: nobody)], .undetermined("process 7")),
        Row("what has just begun", [match(5, began: 99.7)], .undetermined("has just begun")),
        Row("what began long enough ago", [match(5, began: 99.6)], .alive(5)),
        Row("a stranger that has just begun", [match(5), match(6, of: other, began: 99.9)], .alive(5)),
        Row("another target's life", [match(5, claimed: true)], .undetermined("watched as process:/run/x.pid")),
        Row("what another target leaves", [match(5, claimed: true), match(6)], .alive(6)),

        Row("still alive, nobody looks", [match(6, of: other)], alive, .alive(3)),
        Row("ended, nobody", [], ended, .dead),
        Row("ended, one like it", [match(5)], ended, .alive(5)),
        Row("ended, one like it and others", [match(4, of: nobody), match(5), match(6, of: other)], ended, .alive(5)),
        Row("ended, one like it has just begun", [match(5, began: 99.9)], ended, .hindered("has just begun")),
        Row("ended, another user's process", [match(5, of: nobody, began: 95)], ended, .dead),
        Row("ended, an older one of its user", [match(5, of: other, began: 88.9)], ended, .dead),
        Row("ended, a newer one of its user", [match(5, of: other, began: 89)], ended, .hindered("is not what was")),
        Row("ended, its own child is left", [match(5, remnant: true)], ended, .dead),
        Row("ended, another target's like it", [match(5, claimed: true)], ended, .hindered("watch it once")),
        Row("rebooted, a process of its user", [match(5, of: other)], rebooted, .hindered("is not what was")),
        Row("rebooted, one like it", [match(5)], rebooted, .alive(5)),
        Row("not pinned, strangers", [match(5), match(6, of: nobody)], unpinned, .hindered("ambiguous")),
        Row("not pinned, one", [match(5)], unpinned, .alive(5)),
    ]

    @Test(arguments: rows)
    func `Matches and memory are judged together`(row: Row) {
        let matches = Matches.found(row.processes, isComplete: true)
        let judgement = ProcessJudgement.judge(matches, row.memory, at: Self.now)
        #expect(judgement.agrees(with: row.verdict), "\(judgement)")
        // In whatever order they are listed.
        let reversed = Matches.found(row.processes.reversed(), isComplete: true)
        #expect(ProcessJudgement.judge(reversed, row.memory, at: Self.now) == judgement)
    }

    @Test func `What can't be looked at is not missing`() {
        let hidden = Matches.found([], isComplete: false)
        #expect(ProcessJudgement.judge(hidden, MatchMemory(), at: Self.now).agrees(with: .undetermined("")))
        // Its own end was seen.
        #expect(ProcessJudgement.judge(hidden, Self.ended, at: Self.now).agrees(with: .dead))
        for matches in [Matches.unread, .failed(.permissionDenied)] {
            #expect(ProcessJudgement.judge(matches, MatchMemory(), at: Self.now).agrees(with: .undetermined("/proc")))
            #expect(ProcessJudgement.judge(matches, Self.ended, at: Self.now).agrees(with: .hindered("/proc")))
            #expect(ProcessJudgement.judge(matches, Self.alive, at: Self.now).agrees(with: .alive(3)))
        }
    }

    @Test func `What a path could do to a terminal is not told`() {
        let pin = ProgramPin(users: [1, 1, 1, 1], executable: "/tmp/\u{1B}[31m\n", title: "x")
        #expect(pin.description == "/tmp/?[31m?, user 1")
    }

    // MARK: What there is

    static let now = BootInstant(sinceBoot: .seconds(100))
    static let bot = ProgramPin(users: [0, 0, 0, 0], executable: "/usr/bin/python3", title: "python3")
    static let alias = ProgramPin(users: [0, 0, 0, 0], executable: "/usr/bin/python3", title: "python")
    static let other = ProgramPin(users: [0, 0, 0, 0], executable: "/bin/sh", title: "sh")
    static let nobody = ProgramPin(
        users: [65534, 65534, 65534, 65534], executable: "/usr/bin/python3", title: "python3")

    static let life = identity(3, began: 10)
    static let alive = MatchMemory(pin: bot, life: life, isAlive: true)
    static let ended = MatchMemory(pin: bot, life: life, lastAlive: BootInstant(sinceBoot: .seconds(90)))
    static let rebooted = MatchMemory(pin: bot, life: life)
    static let unpinned = MatchMemory(life: life, lastAlive: BootInstant(sinceBoot: .seconds(90)))

    static func match(
        _ pid: Int32, of program: ProgramPin = bot, began: Double = 50, ancestors: Set<Int32> = [1],
        claimed: Bool = false, remnant: Bool = false
    ) -> MatchedProcess {
        MatchedProcess(
            identity: identity(pid, began: began), program: program, ancestors: ancestors,
            claimedBy: claimed ? TargetID(kind: .process, name: "/run/x.pid") : nil, isRemnant: remnant)
    }

    static func identity(_ pid: Int32, began: Double) -> ProcessIdentity {
        ProcessIdentity(bootID: BootID("b"), pid: pid, startTicks: UInt64((began * 100).rounded()))
    }
}

extension MatchJudgementTests.Row {
    init(_ testDescription: String, _ processes: [MatchedProcess], _ verdict: MatchJudgementTests.Verdict) {
        self.init(testDescription, processes, MatchMemory(), verdict)
    }
}

extension ProcessJudgement {
    fileprivate func agrees(with verdict: MatchJudgementTests.Verdict) -> Bool {
        switch (self, verdict) {
        case (.alive(let identity, nil), .alive(let pid)): identity.pid == pid
        case (.dead(nil), .dead), (.missing, .missing): true
        case (.dead(let reason?), .hindered(let part)): part.isEmpty || reason.contains(part)
        case (.undetermined(let reason), .undetermined(let part)): part.isEmpty || reason.contains(part)
        default: false
        }
    }
}

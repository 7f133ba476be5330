import ProcessWatcher
import Supervision
import SystemPackage
import SystemSupport
import Testing

@Suite struct PIDFileJudgementTests {
    /// What is found, and what it means when nothing, a living life 100 or an ended life 100 is remembered.
    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var file: PIDFile
        var named = NamedProcess.nobody
        var unknown: ProcessJudgement.Kind
        var alive: ProcessJudgement.Kind
        var ended: ProcessJudgement.Kind

        init(
            _ testDescription: String, _ file: PIDFile, _ named: NamedProcess = .nobody,
            unknown: ProcessJudgement.Kind, alive: ProcessJudgement.Kind, ended: ProcessJudgement.Kind
        ) {
            self.testDescription = testDescription
            self.file = file
            self.named = named
            self.unknown = unknown
            self.alive = alive
            self.ended = ended
        }
    }

    static let rows: [Row] = [
        Row("missing", .missing, unknown: .missing, alive: .concern(100), ended: .dead),
        Row(
            "unreadable", .unreadable(.permissionDenied), unknown: .undetermined, alive: .concern(100), ended: .hindered
        ),
        Row("incomplete", .incomplete(old, "empty"), unknown: .undetermined, alive: .concern(100), ended: .hindered),
        Row("refused", .refused(old, "garbage"), unknown: .undetermined, alive: .concern(100), ended: .dead),
        Row("nobody", .names(200, new, owner: 0), .nobody, unknown: .dead, alive: .concern(100), ended: .dead),
        Row(
            "another target's life", .names(200, new, owner: 0),
            .claimed(by: TargetID(kind: .process, name: "/run/other.pid")), unknown: .undetermined,
            alive: .concern(100), ended: .hindered),
        Row(
            "a thread", .names(200, new, owner: 0), .thread(of: 199), unknown: .undetermined, alive: .concern(100),
            ended: .dead),
        Row(
            "a kernel thread", .names(200, new, owner: 0), .kernelThread, unknown: .undetermined, alive: .concern(100),
            ended: .dead),
        Row(
            "ourselves", .names(200, new, owner: 0), .ourselves, unknown: .undetermined, alive: .concern(100),
            ended: .dead),
        Row(
            "it can't be asked", .names(200, new, owner: 0), .unknown(.permissionDenied), unknown: .undetermined,
            alive: .concern(100), ended: .hindered),
        Row(
            "a new process", .names(200, new, owner: 0), process(200, began: 50), unknown: .alive(200),
            alive: .alive(200), ended: .alive(200)),
        Row(
            "a file two seconds older", .names(200, new, owner: 0), process(200, began: 102), unknown: .alive(200),
            alive: .alive(200), ended: .alive(200)),
        Row(
            "a file older still", .names(200, new, owner: 0), process(200, began: 103), unknown: .undetermined,
            alive: .concern(100), ended: .undetermined),
        Row(
            "its owner's file", .names(200, new, owner: 7), process(200, began: 50, owner: 7), unknown: .alive(200),
            alive: .alive(200), ended: .alive(200)),
        Row(
            "a stranger's file", .names(200, new, owner: 8), process(200, began: 50, owner: 7), unknown: .undetermined,
            alive: .concern(100), ended: .dead),
        Row(
            "the remembered life", .names(100, old, owner: 0), process(100, began: 0), unknown: .alive(100),
            alive: .alive(100), ended: .dead),
        Row(
            "the PID used again, file as it was", .names(100, old, owner: 0), process(100, began: 11, ticks: 9),
            unknown: .alive(100), alive: .alive(100), ended: .dead),
        Row(
            "the PID used again, file older", .names(100, other, owner: 0), process(100, began: 90, ticks: 9),
            unknown: .undetermined, alive: .alive(100), ended: .dead),
        Row(
            "the PID used again, file written anew", .names(100, new, owner: 0), process(100, began: 90, ticks: 9),
            unknown: .alive(100), alive: .alive(100), ended: .alive(100)),
    ]

    @Test(arguments: rows)
    func `File, process and memory are judged together`(row: Row) {
        #expect(judge(row, nil) == row.unknown)
        #expect(judge(row, RememberedLife(identity: Self.life, isAlive: true, stamp: Self.old)) == row.alive)
        #expect(judge(row, RememberedLife(identity: Self.life, isAlive: false, stamp: Self.old)) == row.ended)
    }

    @Test func `A stand-in is no concern while the file stays as it was`() {
        let standIn = RememberedLife(identity: Self.life, isAlive: true, stamp: Self.old, isStandIn: true)
        #expect(ProcessJudgement.judge(.names(99, Self.old, owner: 0), .nobody, standIn).kind == .alive(100))
        #expect(ProcessJudgement.judge(.names(99, Self.new, owner: 0), .nobody, standIn).kind == .concern(100))
        #expect(ProcessJudgement.judge(.missing, .nobody, standIn).kind == .concern(100))
    }

    @Test(arguments: [true, false])
    func `A stranger who has the PID of an unchanged file is never the target of a stand-in`(isAlive: Bool) {
        let standIn = RememberedLife(identity: Self.life, isAlive: isAlive, stamp: Self.old, isStandIn: true)
        let stranger = Self.process(99, began: 11)
        let judged = ProcessJudgement.judge(.names(99, Self.old, owner: 0), stranger, standIn).kind
        #expect(judged == (isAlive ? .alive(100) : .dead))
        // Written anew it names somebody.
        #expect(ProcessJudgement.judge(.names(99, Self.new, owner: 0), stranger, standIn).kind == .alive(99))
    }

    private func judge(_ row: Row, _ remembered: RememberedLife?) -> ProcessJudgement.Kind {
        ProcessJudgement.judge(row.file, row.named, remembered).kind
    }

    private static let bootID = BootID("boot")
    private static let life = ProcessIdentity(bootID: bootID, pid: 100, startTicks: 1)
    private static let old = stamp(modified: 10)
    private static let other = stamp(modified: 20)
    private static let new = stamp(modified: 100)

    private static func stamp(modified: Int) -> FileStamp {
        FileStamp(
            file: FileID(device: 1, inode: 1), modified: WallTime(sinceEpoch: .seconds(modified)), size: 4, pid: 100)
    }

    private static func process(_ pid: Int32, began: Int, owner: UInt32 = 0, ticks: UInt64 = 1) -> NamedProcess {
        .process(
            ProcessIdentity(bootID: bootID, pid: pid, startTicks: ticks),
            began: WallTime(sinceEpoch: .seconds(began)), owner: owner)
    }
}

extension ProcessJudgement {
    /// A judgement without its words.
    enum Kind: Sendable, Hashable {
        case alive(Int32), concern(Int32), dead, hindered, missing, undetermined
    }

    fileprivate var kind: Kind {
        switch self {
        case .alive(let identity, concern: nil): .alive(identity.pid)
        case .alive(let identity, concern: .some): .concern(identity.pid)
        case .dead(hindrance: nil): .dead
        case .dead(hindrance: .some): .hindered
        case .missing: .missing
        case .undetermined: .undetermined
        }
    }
}

import ProcessWatcher
import Supervision
import SystemSupport
import Testing

/// Which processes a `start:` command can have left behind.
@Suite struct HeirsTests {
    private let command = ProcessIdentity(bootID: BootID("b"), pid: 100, startTicks: 1000)

    @Test(arguments: [
        // PID, state, parent, session, start; whether it can be one.
        ("101 (bot) S 1 101", 1001, true), ("101 (bot) S 1 101", 1000, true), ("101 (bot) S 1 101", 1299, true),
        // In the command's session, whoever its parent is.
        ("101 (bot) S 77 100", 1001, true),
        // Taken by a user's service manager, or by an ancestor of the runner that takes orphans.
        ("101 (bot) S 50 101", 1001, true), ("101 (bot) S 9 101", 1001, true),
        // Began before the command, or long after it had ended.
        ("101 (bot) S 1 101", 999, false), ("101 (bot) S 1 101", 1301, false),
        // Somebody's child, a zombie, the command itself.
        ("101 (bot) S 77 101", 1001, false), ("101 (bot) Z 1 101", 1001, false), ("100 (sh) S 1 100", 1000, false),
    ])
    func onlyOrphansOfItsTimeAndItsSessionAre(line: String, start: Int, isCandidate: Bool) throws {
        let table = try [stat(line, start), stat("50 (systemd) S 1 50", 5)]
        let found = Heirs.candidates(
            in: table, of: command, endedBy: BootInstant(ticks: 1200), ancestors: [9])
        #expect(found.map(\.pid) == (isCandidate ? [101] : []))
    }

    @Test(arguments: [("pid:[1]", false), ("pid:[2]", true), (nil, false)])
    func whatAnotherNamespacesInitHasTakenIsNotOurs(namespace: ByteText?, isElsewhere: Bool) throws {
        let own = ProcessSurroundings(namespaces: ["pid": "pid:[1]"])
        let status = try #require(try? ProcFS().status(of: ProcessHandle.ownPID))
        var parent = ProcessFacts(stat: try stat("50 (systemd) S 1 50", 5), status: status)
        parent.surroundings.namespaces["pid"] = namespace
        #expect(Heirs.isElsewhere(takenBy: parent, own: own) == isElsewhere)
        #expect(!Heirs.isElsewhere(takenBy: nil, own: own))
    }

    private func stat(_ line: String, _ start: Int) throws -> ProcessStat {
        // pgrp goes between parent and session (proc_pid_stat(5)).
        var fields = line.split(separator: " ").map(String.init)
        fields.insert("1", at: 4)
        fields += ["0", "-1", "0"] + Array(repeating: "0", count: 12) + ["\(start)", "0", "1"]
        return try #require(ProcessStat(parsing: Array(fields.joined(separator: " ").utf8)))
    }
}

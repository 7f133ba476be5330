import Foundation
import ServerDomain
import ServerTestSupport
import StoreSQLite
import Testing
import WireProtocol

/// Serialized: a process has one tracer at a time.
@Suite(.serialized) struct DurabilityTests {
    /// The second case shows that the test notices: with NORMAL, SQLite does not wait for the disk.
    @Test(
        .enabled(if: SystemCallTracer.isAvailable, "needs strace, and root to trace itself"),
        arguments: [(SQLiteStore.Synchronous.full, 0), (.normal, 20)])
    func `An fdatasync covers every acknowledged commit`(synchronous: SQLiteStore.Synchronous, uncovered: Int)
        async throws
    {
        let directory = try TemporaryDirectory()
        let path = directory.file("clevagent.sqlite")
        let store = try SQLiteStore(path: path, synchronous: synchronous)
        let now = WireTime(millisecondsSince1970: 1_800_000_000_000)
        let (project, _) = try await store.firstProject(at: now)
        var fleet = Fleet(project: project)
        var identifiers = IdentifierSource()

        let tracer = try SystemCallTracer(process: getpid(), output: directory.file("trace"))
        let acknowledgements = try #require(FileHandle(forWritingAtPath: "/dev/null"))
        for number in 0..<20 {
            var turn = Turn(now: Moment(steady: .seconds(number), wall: now), identifiers: identifiers)
            _ = fleet.receive(HeartbeatReport(agent: "bot"), from: Sender(), &turn)
            identifiers = turn.identifiers
            try await store.commit(turn.changes)
            try acknowledgements.write(contentsOf: Data("ACKNOWLEDGED \(number)".utf8))
        }
        let trace = SyncTrace(try tracer.finish(), log: path + "-wal", marker: "ACKNOWLEDGED")
        #expect(trace.acknowledged == 20)
        #expect(trace.uncovered == uncovered)
    }
}

import NIOConcurrencyHelpers
import ProcessWatcher
import Supervision
import SystemPackage
import SystemSupport
import Testing

/// What a scan reads, and what it makes of that. The clock stands at 100 s when nothing else is said.
@Suite struct CommandLineScanTests {
    private static let bot = TargetID(kind: .process, name: "bot")
    private static let web = TargetID(kind: .process, name: "web")
    private let table = ScriptedProcesses()

    private func at(_ seconds: Double) -> BootInstant { BootInstant(sinceBoot: .milliseconds(Int64(seconds * 1000))) }

    @Test func `One scan finds for all, and tells only what is news`() {
        var scan = CommandLineScan(processes: table)
        table.set([(1, "init", 0), (20, "my-bot", 50), (30, "web", 50), (40, "web-bot", 50)])
        let sought: [TargetID: ByteText] = [Self.bot: "bot", Self.web: "web"]
        let first = scan.run(for: sought, isFull: true, at: at(100))
        #expect(first[Self.bot] == .init(result: .found([20, 40], isComplete: true), isNews: true))
        #expect(first[Self.web] == .init(result: .found([30, 40], isComplete: true), isNews: true))
        let second = scan.run(for: sought, isFull: false, at: at(100.4))
        #expect(second[Self.bot] == .init(result: .found([20, 40], isComplete: true), isNews: false))
        table.set([(1, "init", 0), (20, "my-bot", 50), (40, "web-bot", 50)])
        let third = scan.run(for: sought, isFull: false, at: at(100.8))
        #expect(third[Self.bot]?.isNews == false)
        #expect(third[Self.web] == .init(result: .found([40], isComplete: true), isNews: true))
    }

    @Test func `Only the new and the young are read again`() {
        var scan = CommandLineScan(processes: table)
        table.set([(1, "init", 0), (20, "sh", 95), (30, "old", 50)])
        _ = scan.run(for: [Self.bot: "bot"], isFull: true, at: at(100))
        #expect(table.takeRead() == [1, 20, 30])
        table.set([(1, "init", 0), (20, "bot", 95), (30, "bot", 50), (31, "new", 100)])
        let found = scan.run(for: [Self.bot: "bot"], isFull: false, at: at(100.4))
        #expect(table.takeRead() == [20, 31])
        #expect(found[Self.bot]?.result == .found([20], isComplete: true), "its exec came after its fork")
        _ = scan.run(for: [Self.bot: "bot"], isFull: false, at: at(105))
        #expect(table.takeRead() == [31], "10 s after its start it is read no more")
        let full = scan.run(for: [Self.bot: "bot"], isFull: true, at: at(106))
        #expect(full[Self.bot]?.result == .found([20, 30], isComplete: true))
    }

    @Test func `A process that becomes another program matches no more, and its title is news`() {
        var scan = CommandLineScan(processes: table)
        table.set([(20, "wrapper bot", 99)])
        _ = scan.run(for: [Self.bot: "bot"], isFull: true, at: at(100))
        table.set([(20, "bot: master", 99)])
        #expect(scan.run(for: [Self.bot: "bot"], isFull: false, at: at(100.4))[Self.bot]?.isNews == true)
        table.set([(20, "sleep", 99)])
        #expect(
            scan.run(for: [Self.bot: "bot"], isFull: false, at: at(100.8))[Self.bot]
                == .init(result: .found([], isComplete: true), isNews: true))
    }

    @Test func `What may not be read is told, and what has ended is not`() {
        var scan = CommandLineScan(processes: table)
        table.set([(20, "bot", 50), (21, "gone", 50)], failing: [21: .noSuchProcess])
        #expect(
            scan.run(for: [Self.bot: "bot"], isFull: true, at: at(100))[Self.bot]?.result
                == .found([20], isComplete: true))
        table.set([(20, "bot", 50), (22, "hidden", 50)], failing: [22: .notPermitted])
        #expect(
            scan.run(for: [Self.bot: "bot"], isFull: false, at: at(100))[Self.bot]?.result
                == .found([20], isComplete: false))
    }

    @Test func `After a listing that failed everything is read again`() {
        var scan = CommandLineScan(processes: table)
        table.set([(20, "bot", 50)])
        _ = scan.run(for: [Self.bot: "bot"], isFull: true, at: at(100))
        table.set([], failing: [0: .tooManyOpenFiles])
        #expect(
            scan.run(for: [Self.bot: "bot"], isFull: false, at: at(100))[Self.bot]?.result == .failed(.tooManyOpenFiles)
        )
        table.set([(20, "bot", 50)])
        #expect(
            scan.run(for: [Self.bot: "bot"], isFull: false, at: at(100))[Self.bot]?.result
                == .found([20], isComplete: true))
    }

    @Test func `A list in any order tells what is new and what is gone`() {
        var index = ScanIndex()
        #expect(index.update([5, 3, 9, 3], at: at(100)) == .init(new: [3, 5, 9]))
        #expect(index.update([9, 4, 10], at: at(100)) == .init(new: [4, 10], gone: [3, 5]))
        #expect(index.update([], at: at(100)) == .init(gone: [4, 9, 10]))
    }
}

/// Processes as a test wants them; counts who was read.
private final class ScriptedProcesses: ProcessListing {
    private struct State {
        var lines: [Int32: (line: String, began: Double)] = [:]
        var failures: [Int32: Errno] = [:]
        var read: [Int32] = []
    }

    private let state = NIOLockedValueBox(State())

    /// - Parameter failures: of single processes, or of the listing, under 0.
    func set(_ processes: [(pid: Int32, line: String, began: Double)], failing failures: [Int32: Errno] = [:]) {
        state.withLockedValue { state in
            state.lines = Dictionary(uniqueKeysWithValues: processes.map { ($0.pid, ($0.line, $0.began)) })
            state.failures = failures
        }
    }

    func takeRead() -> [Int32] {
        state.withLockedValue { state in
            defer { state.read = [] }
            return state.read.sorted()
        }
    }

    func processIDs() throws(Errno) -> [Int32] {
        let state = state.withLockedValue { $0 }
        if let failure = state.failures[0] { throw failure }
        return state.lines.keys.sorted()
    }

    func commandLine(of pid: Int32) throws(Errno) -> [UInt8] {
        let state = state.withLockedValue { state in
            state.read.append(pid)
            return state
        }
        if let failure = state.failures[pid] { throw failure }
        guard let line = state.lines[pid]?.line else { throw .noSuchFileOrDirectory }
        return Array(line.replacing(" ", with: "\0").utf8) + [0]
    }

    func stat(of pid: Int32) throws(Errno) -> ProcessStat {
        guard let began = state.withLockedValue({ $0.lines[pid]?.began }) else { throw .noSuchFileOrDirectory }
        let line = "\(pid) (x) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 \(Int(began * 100)) 0 10 0"
        guard let stat = ProcessStat(parsing: Array(line.utf8)) else { throw .badMessage }
        return stat
    }

}

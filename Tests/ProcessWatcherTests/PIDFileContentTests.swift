import ProcessWatcher
import SystemPackage
import SystemSupport
import Testing

@Suite struct PIDFileContentTests {
    @Test(arguments: [
        ("4711\n", PIDFileContent.pid(4711, isTerminated: true)),
        ("4711", .pid(4711, isTerminated: false)),
        ("  4711 \r\n", .pid(4711, isTerminated: true)),
        ("4711\n/var/lib/db\n5432\n", .pid(4711, isTerminated: true)),
        ("2\n", .pid(2, isTerminated: true)),
        ("4194304\n", .pid(4_194_304, isTerminated: true)),
        ("", .empty),
        (" \n", .empty),
    ])
    func `The first line is read as a number`(text: String, expected: PIDFileContent) {
        #expect(PIDFileContent(parsing: Array(text.utf8)) == expected)
    }

    @Test(arguments: [
        ("garbage\n", "no process id"), ("47 11\n", "no process id"), ("0x47\n", "no process id"),
        ("-\n", "no process id"), ("+5\n", "no process id"), ("4711\0\n", "no process id"),
        ("\u{661}\n", "no process id"),
        ("-4711\n", "negative"), ("-1\n", "negative"), ("0\n", "holds 0"), ("000\n", "holds 0"), ("1\n", "process 1"),
        ("4194305\n", "larger"), ("99999999999999999999999999\n", "larger"), ("\n4711\n", "empty line"),
    ])
    func `What is no process is refused with its own reason`(text: String, reason: String) {
        guard case .refused(let told) = PIDFileContent(parsing: Array(text.utf8)) else {
            Issue.record("\(text.debugDescription) was taken")
            return
        }
        #expect(told.contains(reason))
    }

    @Test func `A file that everybody can write is refused`() {
        let file = PIDFile.judge(Array("5\n".utf8), status(permissions: 0o666), settled: nil, now: now)
        #expect(file.reason?.contains("by everybody") == true)
    }

    @Test func `A number without a line end is unfinished until the file is old or known to be closed`() throws {
        let bytes = Array("47".utf8)
        let fresh = PIDFile.judge(bytes, status(), settled: nil, now: now)
        #expect(fresh.reason == "PID file seems half-written")
        let closed = PIDFile.judge(bytes, status(), settled: fresh.stamp, now: now)
        #expect(closed == .names(47, try #require(fresh.stamp), owner: 0))
        let old = PIDFile.judge(bytes, status(age: .seconds(2)), settled: nil, now: now)
        #expect(old.reason == nil)
    }

    @Test func `An empty file is unfinished at first and useless later`() {
        guard case .incomplete = PIDFile.judge([], status(), settled: nil, now: now) else {
            Issue.record("a file that was just created is not waited for")
            return
        }
        guard case .refused = PIDFile.judge([], status(age: .seconds(2)), settled: nil, now: now) else {
            Issue.record("an empty file is waited for without end")
            return
        }
    }

    private let now = WallTime(sinceEpoch: .seconds(1_000_000))

    private func status(permissions: UInt32 = 0o644, age: Duration = .zero) -> FileStatus {
        let time = WallTime(sinceEpoch: now.sinceEpoch - age)
        return FileStatus(
            file: FileID(device: 1, inode: 1), kind: .regular, permissions: permissions, owner: 0, size: 2,
            modified: time, changed: time)
    }
}

extension PIDFile {
    fileprivate var reason: String? {
        switch self {
        case .incomplete(_, let reason), .refused(_, let reason): reason
        case .missing, .unreadable, .names: nil
        }
    }
}

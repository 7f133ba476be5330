import FoundationEssentials
import TestSupport

#if canImport(Glibc)
    import Glibc
#endif

/// Has a program end at a given point, and reads what it did until then.
struct CrashingProgram: Sendable {
    /// The directory whose files count.
    let state: String
    private let notes: String

    /// - Parameter notes: a directory for what it and the test tell each other; made anew.
    init(state: String, notes: String) throws {
        self.state = state
        self.notes = notes
        try? FileManager.default.removeItem(atPath: notes)
        try FileManager.default.createDirectory(atPath: notes, withIntermediateDirectories: true)
    }

    /// What its environment must have.
    ///
    /// - Parameter point: where it ends; nil for nowhere.
    func environment(endingAt point: CrashPoint?) -> [String: String] {
        var environment = [
            "LD_PRELOAD": BuiltProgram.library("crash-points"), "CRASH_STATE": state, "CRASH_NOTES": notes,
        ]
        environment["CRASH_POINT"] = point?.description
        return environment
    }

    /// From here on its steps are counted.
    func arm() throws { try Data().write(to: URL(filePath: notes + "/armed")) }

    /// What it did so far.
    func trace() throws -> CrashTrace {
        try CrashTrace(Array(Data(contentsOf: URL(filePath: notes + "/trace"))))
    }
}

extension ChildProcess {
    /// Kills it as soon as something has come to pass, and returns when it has ended.
    ///
    /// - Returns: false when it had ended before that.
    func kill(once body: @escaping @Sendable () async throws -> Void) async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                defer { self.signal(SIGKILL) }
                try await body()
                return true
            }
            group.addTask {
                await self.ended()
                return false
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
    }
}

import Glibc
import TestSupport

/// Processes that only have a PID file and sleep: what is watched while a runner's own cost is measured.
struct Crowd: Sendable {
    let pidFiles: [String]
    private let parent: ChildProcess

    /// Starts them and waits until every PID file is there.
    ///
    /// - Parameters:
    ///   - directory: Gets a directory for the PID files.
    ///   - program: The compiled `benchmark-agent.c`.
    init(count: Int, in directory: String, program: String) async throws {
        let place = "\(directory)/crowd-\(count)"
        mkdir(place, 0o755)
        pidFiles = (1...count).map { "\(place)/\($0).pid" }
        parent = try ChildProcess([program, "--crowd", place, "\(count)"], output: .lines)
        for await line in parent.lines where line == "ready" { return }
        throw BenchmarkError.agentDidNotStart(place)
    }

    /// Ends them: they do not outlive their parent.
    func end() async { await parent.end() }
}

import Glibc
import TestSupport
import WireProtocol

/// One of the two runners that are compared.
struct Contender: Sendable {
    enum Kind: String, Sendable { case ours, python }

    let kind: Kind
    let program: String
    /// Where its state and logs go.
    let directory: String

    /// Starts it on the agents of these pools, without a grace so that a restart's time is the runner's own.
    ///
    /// - Parameters:
    ///   - run: Names this start's files; a new name is a first start.
    ///   - pools: Whose agents to watch.
    ///   - stub: The server to report to.
    func start(_ run: String, watching pools: [AgentPool], reportingTo stub: StubServer) throws -> ChildProcess {
        let home = "\(directory)/\(kind.rawValue)-\(run)"
        mkdir(home, 0o700)
        let targets = pools.flatMap { pool in pool.names.map { "process:" + pool.pidFile(of: $0) } }
        var environment = ["PATH": "/usr/bin:/bin", "HOME": home, "LANG": "C.UTF-8"]
        var arguments = [program, "start", "--endpoint", stub.endpoint, "--heartbeat-interval", "30"]
        switch kind {
        case .python:
            environment["CLEVAGENT_API_KEY"] = "cv_benchmark"
            arguments += targets.flatMap { ["--watch", $0] }
        case .ours:
            let keyFile = try write("cv_benchmark\n", to: home + "/key")
            let lines = targets.map { "  \"\($0)\":\n    grace: 0\n" }
            let configuration = try write("targets:\n" + lines.joined(), to: home + "/runner.yaml")
            arguments += ["--api-key-file", keyFile, "--state-dir", home + "/state", "--config", configuration]
            environment["CLEVAGENT_WATCH"] = targets.joined(separator: "\n")
        }
        return try ChildProcess(arguments, environment: environment, output: .file(log(of: run)))
    }

    /// Whether the heartbeat is about that agent of the pool; the Python runner calls agents by their PID files.
    func isAbout(_ name: String, of pool: AgentPool, _ heartbeat: Heartbeat) -> Bool {
        switch kind {
        case .ours: heartbeat.agent == name
        case .python: heartbeat.agent == pool.pidFile(of: name)
        }
    }

    /// Waits until it reported all agents of these pools.
    func ready(_ run: String, watching pools: [AgentPool], reportingTo stub: StubServer) async throws {
        let expected = pools.reduce(0) { $0 + $1.names.count }
        var seen = Set<String>()
        do {
            _ = try await stub.heartbeat(within: .seconds(120)) { heartbeat in
                if heartbeat.status == .ok { seen.insert(heartbeat.agent) }
                return seen.count == expected
            }
        } catch let error as StubServerError {
            throw BenchmarkError.notReady(
                "\(kind.rawValue): \(seen.count) of \(expected) targets reported; \(error)", log: logEnd(of: run))
        }
    }

    func log(of run: String) -> String { "\(directory)/\(kind.rawValue)-\(run).log" }

    /// The last lines of its log.
    func logEnd(of run: String) -> String {
        guard let file = fopen(log(of: run), "r") else { return "no log" }
        defer { fclose(file) }
        fseek(file, 0, SEEK_END)
        fseek(file, max(ftell(file) - 3000, 0), SEEK_SET)
        var buffer = [UInt8](repeating: 0, count: 3000)
        let count = fread(&buffer, 1, buffer.count, file)
        return String(decoding: buffer.prefix(count), as: UTF8.self)
    }

    private func write(_ text: String, to path: String) throws -> String {
        guard let file = fopen(path, "w") else { throw BenchmarkError.noDirectory(path) }
        fputs(text, file)
        fclose(file)
        chmod(path, 0o600)
        return path
    }
}

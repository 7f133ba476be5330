import Glibc
import SystemPackage
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
        let targets = pools.flatMap { pool in pool.names.map { "process:" + pool.pidFile(of: $0) } }
        let settings = targets.map { "  \"\($0)\":\n    grace: 0\n" }
        return try start(run, targets: targets, settings: "targets:\n" + settings.joined(), reportingTo: stub)
    }

    /// Starts it on these targets.
    ///
    /// - Parameters:
    ///   - settings: The text of our settings file; the Python runner has none.
    ///   - authority: Who vouches for the stub, under TLS; ours only.
    ///   - options: More of its command line.
    ///   - environment: More of its environment.
    func start(
        _ run: String, targets: [String], settings: String? = nil, reportingTo stub: StubServer,
        trusting authority: TestAuthority? = nil, options: [String] = [], environment more: [String: String] = [:]
    ) throws -> ChildProcess {
        let home = home(of: run)
        mkdir(home, 0o700)
        var environment = ["PATH": "/usr/bin:/bin", "HOME": home, "LANG": "C.UTF-8"].merging(more) { $1 }
        var arguments = [program, "start", "--endpoint", stub.endpoint, "--heartbeat-interval", "30"] + options
        arguments += targets.flatMap { ["--watch", $0] }
        switch kind {
        case .python:
            environment["CLEVAGENT_API_KEY"] = "cv_benchmark"
        case .ours:
            let keyFile = try write("cv_benchmark\n", to: home + "/key")
            arguments += ["--api-key-file", keyFile, "--state-dir", home + "/state"]
            if let settings { arguments += ["--config", try write(settings, to: home + "/runner.yaml")] }
            if let authority { arguments += ["--ca-file", authority.certificate.string] }
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
        try await ready(run, count: pools.reduce(0) { $0 + $1.names.count }, reportingTo: stub)
    }

    /// Waits until it reported that many targets.
    func ready(_ run: String, count expected: Int, reportingTo stub: StubServer) async throws {
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

    /// Where its files are, which its command line names.
    func home(of run: String) -> String { "\(directory)/\(kind.rawValue)-\(run)" }

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
        guard let file = fopen(path, "w") else { throw BenchmarkError.cannotWrite(path) }
        fputs(text, file)
        fclose(file)
        chmod(path, 0o600)
        return path
    }
}

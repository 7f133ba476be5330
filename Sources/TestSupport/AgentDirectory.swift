import FoundationEssentials
import SystemPackage

#if canImport(Glibc)
    package import Glibc
#elseif canImport(Musl)
    package import Musl
#else
    package import Darwin
#endif

/// Sample agents in a temporary directory, whose random name marks every process that was ever started from it.
///
/// An agent is as simple as can be: a shell script with a PID file, no heartbeat, no library. Each is started as an
/// orphan, as a cron job or a login shell that is gone would have left it, so that nobody but a supervisor brings it
/// back.
package struct AgentDirectory: Sendable {
    /// Also a place for whatever else belongs to the same run.
    package let path: String
    private let script: String
    /// What the command line of each start begins with: a program that enters surroundings and becomes it.
    package var surroundings: [String] = []

    /// Makes the directory.
    ///
    /// - Parameter name: The beginning of its name.
    package init(_ name: String) throws {
        path = try makeTemporaryDirectory(name).string
        script = path + "/agents/agent.sh"
        try FileManager.default.createDirectory(atPath: path + "/agents", withIntermediateDirectories: true)
        try Data(Self.agentScript.utf8).write(to: URL(filePath: script))
    }

    /// Where that agent's PID is.
    package func pidFile(of agent: String) -> String { "\(path)/agents/\(agent).pid" }

    /// What the PID file says now.
    package func processID(of agent: String) -> pid_t? {
        pid_t(text(pidFile(of: agent)).prefix { $0.isNumber })
    }

    /// Every PID that the agent ever had, the oldest first.
    package func lives(of agent: String) -> [pid_t] {
        text("\(path)/agents/\(agent).lives").split(separator: "\n").compactMap { pid_t($0) }
    }

    /// Starts an agent and waits until its PID file is written.
    package func start(_ agent: String) async throws {
        // The orphan keeps the pipe until it has written its PID file: its end is the news.
        let command = "setsid sh '\(script)' '\(agent)' </dev/null &"
        let shell = try ChildProcess(
            surroundings + ["/bin/sh", "-c", command], environment: Self.environment, output: .lines)
        for await _ in shell.lines {}
        await shell.ended()
    }

    /// Gives an agent its log, where it writes what it works on from its next start on.
    package func keepLog(of agent: String) throws {
        try Data().write(to: URL(filePath: "\(path)/agents/\(agent).log"))
    }

    /// Gives a running agent a line of work each; at `die` it ends with 3.
    package func give(_ lines: [String], to agent: String) throws {
        let inbox = try FileDescriptor.open("\(path)/agents/\(agent).inbox", .writeOnly, options: .closeOnExec)
        try inbox.closeAfter { _ = try inbox.writeAll((lines.joined(separator: "\n") + "\n").utf8) }
    }

    /// What an agent gets as its environment.
    package static let environment = ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/", "LANG": "C.UTF-8"]

    /// Whether a process of that number runs; one that only waits for its parent to notice its end does not.
    package static func isRunning(_ id: pid_t) -> Bool {
        guard let stat = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8),
            let name = stat.lastIndex(of: ")")
        else { return false }
        return !stat[name...].hasPrefix(") Z") && !stat[name...].hasPrefix(") X")
    }

    /// Kills the agents that still run, whoever started them, and removes the directory.
    ///
    /// Whoever would bring them back must have ended before.
    package func remove() {
        for id in agentProcesses() { kill(id, SIGKILL) }
        try? FileManager.default.removeItem(atPath: path)
    }

    private func agentProcesses() -> [pid_t] {
        let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { pid_t($0) } ?? []
        return numbers.filter { id in
            guard let bytes = FileManager.default.contents(atPath: "/proc/\(id)/cmdline") else { return false }
            return String(decoding: bytes, as: UTF8.self).contains(script)
        }
    }

    private func text(_ path: String) -> String {
        (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    }

    /// It waits for work without a child process, so that nothing of it is left when it is killed.
    private static let agentScript = """
        #!/bin/sh
        cd "$(dirname "$0")" || exit 1
        [ -p "$1.inbox" ] || mkfifo "$1.inbox"
        exec 3<>"$1.inbox"
        echo $$ >>"$1.lives"
        echo $$ >"$1.pid.new" && mv "$1.pid.new" "$1.pid"
        if [ -f "$1.log" ]; then exec >>"$1.log" 2>&1; else exec >/dev/null 2>&1; fi
        while read -r work <&3; do
            echo "$work" >>"$1.done"
            echo "working: $work"
            [ "$work" != die ] || exit 3
        done

        """
}

/// Runs `body` with a directory for agents, and ends and removes what is in it afterwards.
package func withAgentDirectory<Result>(
    _ name: String = "clevagent-test", _ body: (AgentDirectory) async throws -> Result
) async throws -> Result {
    let directory = try AgentDirectory(name)
    defer { directory.remove() }
    return try await body(directory)
}

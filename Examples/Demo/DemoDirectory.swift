import FoundationEssentials
import Glibc

/// The demo's only place on the disk, and by its name the mark of everything that it starts.
struct DemoDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/clevagent-demo-XXXXXX\0".utf8.map { CChar(bitPattern: $0) })
        guard mkdtemp(&template) != nil else { throw DemoError.noDirectory(String(cString: strerror(errno))) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try FileManager.default.createDirectory(atPath: agents, withIntermediateDirectories: true)
        try Data(Self.agentScript.utf8).write(to: URL(filePath: agents + "/agent.sh"))
    }

    /// Where the agents live.
    var agents: String { path + "/agents" }

    func pidFile(of agent: String) -> String { "\(agents)/\(agent).pid" }

    /// What the PID file of an agent says.
    func processID(of agent: String) -> pid_t? {
        guard let text = try? String(contentsOfFile: pidFile(of: agent), encoding: .utf8) else { return nil }
        return pid_t(text.prefix { $0.isNumber })
    }

    /// Kills the agents that still run, whoever started them, and removes the directory.
    func remove() async {
        for id in agentProcesses() { kill(id, SIGKILL) }
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Processes whose command line names a file of this directory; its name is random, so they are the demo's.
    private func agentProcesses() -> [pid_t] {
        let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { pid_t($0) } ?? []
        return numbers.filter { id in
            guard let bytes = FileManager.default.contents(atPath: "/proc/\(id)/cmdline") else { return false }
            return String(decoding: bytes, as: UTF8.self).contains(agents + "/agent.sh")
        }
    }

    /// An agent as simple as can be: no heartbeat, no library, only a PID file. It waits for work without a child
    /// process, so that nothing of it is left when it is killed.
    private static let agentScript = """
        #!/bin/sh
        cd "$(dirname "$0")" || exit 1
        [ -p "$1.inbox" ] || mkfifo "$1.inbox"
        exec 3<>"$1.inbox"
        echo $$ >"$1.pid.new" && mv "$1.pid.new" "$1.pid"
        while read -r work <&3; do echo "$work" >>"$1.done"; done

        """
}

/// Says what kept the demo from going on.
enum DemoError: Error, CustomStringConvertible {
    case noDirectory(String)
    case ended(program: String, output: [String])
    case tookTooLong(String, log: [String])
    case refused(String, status: UInt, body: String)

    var description: String {
        switch self {
        case .noDirectory(let reason):
            "cannot make a directory in /tmp: \(reason)"
        case .ended(let program, let output):
            "\(program) ended.\n" + output.joined(separator: "\n")
        case .tookTooLong(let what, let log):
            "waited in vain for \(what).\n" + log.joined(separator: "\n")
        case .refused(let request, let status, let body):
            "the server answered \(status) to \(request): \(body)"
        }
    }
}

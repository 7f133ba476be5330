import TestSupport

#if canImport(Glibc)
    import Glibc
#endif

/// Mounts that only those see who enter: a mount namespace (mount_namespaces(7)), held by a process.
struct OwnMounts: Sendable {
    private let holder: ChildProcess

    /// Runs a script that mounts; nil without one.
    init?(_ script: String?, _ path: String) async throws {
        guard let script else { return nil }
        holder = try ChildProcess(
            [
                "/usr/bin/unshare", "--mount", "--propagation", "private", "/bin/sh", "-c",
                script + " && echo mounted && exec sleep infinity", path,
            ], environment: AgentDirectory.environment, output: .lines)
        var lines: [String] = []
        for await line in holder.lines {
            if line == "mounted" { return }
            lines.append(line)
        }
        throw FaultError(words: "nothing could be mounted: \(lines)")
    }

    /// Enters, and becomes the program behind it.
    var entry: [String] { ["/usr/bin/nsenter", "--target", "\(holder.id)", "--mount"] }

    func end() { holder.signal(SIGKILL) }
}

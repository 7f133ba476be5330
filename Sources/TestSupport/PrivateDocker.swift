import FoundationEssentials
import SystemSupport

#if canImport(Glibc)
    import Glibc
#endif

/// A Docker engine of a test's own (Tests/Fixtures/docker/private-docker).
package struct PrivateDocker: Sendable {
    package let directory: String

    package static let image = "test/busybox:1"
    /// Debian's client; another one may come first in the PATH.
    package static let client = "/usr/bin/docker"

    /// Whether this machine has what it takes.
    package static var canStart: Bool {
        geteuid() == 0 && access("/usr/sbin/dockerd", X_OK) == 0 && access("/bin/busybox", X_OK) == 0
    }

    /// What that is.
    package static let needs =
        "starts a Docker engine: needs root and the packages docker.io, iptables and busybox-static"

    /// What a client needs to find it.
    package var environment: [String: String] {
        ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "DOCKER_HOST": "unix://\(directory)/docker.sock"]
    }

    /// Starts one.
    package init(options: [String] = []) async throws {
        directory = "/tmp/ct-docker-\(UInt32.random(in: 0 ... .max))"
        try await up(options: options)
    }

    /// Starts it again after `kill`.
    package func up(options: [String] = []) async throws { try await command("up", options) }
    /// Kills the engine alone; its containers go on.
    package func kill() async throws { try await command("kill") }
    /// Ends the engine in good order; without live-restore it stops its containers first.
    package func stop() async throws { try await command("stop") }
    /// Has the engine hang, until `resume`.
    package func pause() async throws { try await command("pause") }
    package func resume() async throws { try await command("resume") }
    /// Ends all of it.
    package func end() async { _ = try? await command("down") }

    /// Runs Docker's client and gives what it prints.
    @discardableResult
    package func run(_ arguments: String...) async throws -> String {
        try await Self.output([Self.client] + arguments, environment)
    }

    /// Starts a container that lives until it is killed, and ends at once when it is to.
    package func start(_ name: String, _ options: [String] = []) async throws {
        let script = "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done"
        try await Self.output(
            [Self.client, "run", "-d", "--name", name, "--network", "none"] + options
                + [Self.image, "sh", "-c", script], environment)
    }

    /// The PID of a container's first process.
    package func pid(of name: String) async throws -> Int32 {
        Int32(try await run("inspect", "--format", "{{.State.Pid}}", name)) ?? 0
    }

    /// Kills a container's first process, as if it crashed: the engine is not asked.
    package func crash(_ name: String) async throws {
        let pid = try await pid(of: name)
        guard pid > 1 else { return }
        try ProcessHandle(pid: pid).send(SIGKILL)
    }

    @discardableResult
    private func command(_ name: String, _ arguments: [String] = []) async throws -> String {
        try await Self.output(
            [Self.script, name, directory] + arguments,
            ["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"])
    }

    @discardableResult
    private static func output(_ command: [String], _ environment: [String: String]) async throws -> String {
        let process = try ChildProcess(command, environment: environment, output: .lines)
        var lines: [String] = []
        for await line in process.lines { lines.append(line) }
        let text = lines.joined(separator: "\n")
        guard await process.ended() == 0 else { throw PrivateDockerError(description: "\(command): \(text)") }
        return text
    }

    private static let script =
        #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
        + "/Tests/Fixtures/docker/private-docker"
}

package struct PrivateDockerError: Error, CustomStringConvertible {
    package var description: String
}

/// Runs `body` with an engine that is ended afterwards.
package func withPrivateDocker<Result>(
    options: [String] = [], _ body: (PrivateDocker) async throws -> Result
) async throws -> Result {
    let docker = try await PrivateDocker(options: options)
    do {
        let result = try await body(docker)
        await docker.end()
        return result
    } catch {
        await docker.end()
        throw error
    }
}

import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

extension Trait where Self == ConditionTrait {
    /// Skipped where there is no podman; in CI that is a failure.
    static var needsPodman: Self {
        .enabled(
            if: PrivatePodman.canStart || getenv("CI") != nil,
            "starts containers with podman: needs root and the packages podman, runc and busybox-static")
    }
}

struct PodmanError: Error, CustomStringConvertible {
    var description: String
}

/// A podman of a test's own (Tests/Fixtures/docker/private-podman).
struct PrivatePodman {
    private static let programs: [String] = ["/usr/bin/podman", "/usr/sbin/runc", "/bin/busybox"]

    static var canStart: Bool {
        geteuid() == 0 && programs.allSatisfy { access($0, X_OK) == 0 }
    }

    let directory = "/tmp/ct-podman-\(UInt32.random(in: 0 ... .max))"
    /// The client, which knows where its things are.
    var client: String { directory + "/podman" }
    let environment = ["PATH": "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"]

    init() async throws { try await output([Self.script, "up", directory]) }

    func end() async { _ = try? await output([Self.script, "down", directory]) }

    /// Runs the client and gives what it prints.
    @discardableResult
    func run(_ arguments: String...) async throws -> String { try await output([client] + arguments) }

    @discardableResult
    private func output(_ command: [String]) async throws -> String {
        let process = try ChildProcess(command, environment: environment, output: .lines)
        var lines: [String] = []
        for await line in process.lines { lines.append(line) }
        guard await process.ended() == 0 else {
            throw PodmanError(description: "\(command): \(lines.joined(separator: "\n"))")
        }
        return lines.joined(separator: "\n")
    }

    private static let script =
        #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/Fixtures/docker/private-podman"
}

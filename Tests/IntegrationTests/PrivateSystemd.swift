import FoundationEssentials
import SystemPackage
import SystemSupport
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// A systemd of a test's own (Tests/Fixtures/systemd/private-systemd).
struct PrivateSystemd: Sendable {
    let directory: String

    /// What inside is /tmp/share.
    var share: String { directory + "/share" }

    /// Boots one that can see the programs of this build, and those that are named.
    ///
    /// - Parameter hasBus: with D-Bus and polkit.
    init(programs: [String] = [], hasBus: Bool = false) async throws {
        directory = "/tmp/clevagent-systemd-\(UInt32.random(in: 0 ... .max))"
        let places = Set(([BuiltProgram.runner.path] + programs).map(Self.parent)).sorted()
        try await command("up", (hasBus ? ["--bus"] : []) + places + Self.runtimeDirectories)
    }

    /// Where Swift's libraries are that the programs of this build need, as they need them; perhaps on another file
    /// system.
    private static var runtimeDirectories: [String] {
        let maps = String(decoding: (try? readWholeFile("/proc/self/maps", limit: 16 << 20)) ?? [], as: UTF8.self)
        let libraries = maps.split(separator: "\n").compactMap { line in
            line.hasSuffix("/libswiftCore.so") ? line.firstIndex(of: "/").map { String(line[$0...]) } : nil
        }
        return Set(libraries.map(parent)).sorted()
    }

    private static func parent(of path: String) -> String {
        path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    }

    func end() async {
        _ = try? await command("down")
    }

    /// Runs a command inside and gives what it prints.
    @discardableResult
    func run(_ arguments: String..., environment: [String: String] = [:]) async throws -> String {
        try await run(arguments, environment: environment)
    }

    @discardableResult
    func run(_ arguments: [String], environment: [String: String] = [:]) async throws -> String {
        try await command("run", arguments, environment)
    }

    /// Kills a process inside.
    func kill(_ pid: String) async throws {
        // The shell's own: not every Debian has procps.
        try await run("sh", "-c", #"kill -KILL "$1""#, "sh", pid)
    }

    /// Leaves a unit's file where it is found.
    func write(_ unit: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: "\(directory)/units/\(unit)"))
    }

    /// Starts a unit with this text.
    func start(_ unit: String, _ text: String) async throws {
        try write(unit, text)
        try await run("systemctl", "daemon-reload")
        try await run("systemctl", "start", unit)
    }

    @discardableResult
    private func command(
        _ name: String, _ arguments: [String] = [], _ environment: [String: String] = [:]
    ) async throws -> String {
        let process = try ChildProcess(
            [Self.script, name, directory] + arguments,
            environment: ["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
                .merging(environment) { $1 }, output: .lines)
        var output: [String] = []
        for await line in process.lines { output.append(line) }
        let text = output.joined(separator: "\n")
        guard await process.ended() == 0 else {
            throw PrivateSystemdError(description: "\(name) \(arguments): \(text)")
        }
        return text
    }

    private static let script =
        #filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined()
        + "/Fixtures/systemd/private-systemd"
}

struct PrivateSystemdError: Error, CustomStringConvertible {
    var description: String
}

/// Runs `body` with a systemd that is ended afterwards.
func withPrivateSystemd<Result>(
    showing programs: [String] = [], hasBus: Bool = false, _ body: (PrivateSystemd) async throws -> Result
) async throws -> Result {
    let systemd = try await PrivateSystemd(programs: programs, hasBus: hasBus)
    do {
        let result = try await body(systemd)
        await systemd.end()
        return result
    } catch {
        await systemd.end()
        throw error
    }
}

extension Trait where Self == ConditionTrait {
    /// Skipped where no systemd can be booted; in CI that is a failure.
    static var needsSystemd: Self {
        let canBoot =
            geteuid() == 0 && access("/lib/systemd/systemd", X_OK) == 0
            && (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8))?.contains(" cgroup2 ") == true
        return .enabled(
            if: canBoot || getenv("CI") != nil, "boots a systemd: needs root, the package systemd, and cgroup2")
    }
}

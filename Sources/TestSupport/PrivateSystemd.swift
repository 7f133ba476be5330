import FoundationEssentials
import SystemPackage
import SystemSupport

/// A systemd of a test's or a measurement's own (Tests/Fixtures/systemd/private-systemd).
package struct PrivateSystemd: Sendable {
    /// Everything it has outside.
    package let directory: String

    /// What inside is /tmp/share.
    package var share: String { directory + "/share" }

    /// Boots one.
    ///
    /// - Parameters:
    ///   - programs: can be seen inside, and all that is beside them.
    ///   - hasBus: with D-Bus and polkit.
    package init(showing programs: [String], hasBus: Bool = false) async throws {
        directory = "/tmp/clevagent-systemd-\(UInt32.random(in: 0 ... .max))"
        let places = Set(programs.map(Self.parent)).sorted()
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

    /// Ends every process inside, and leaves nothing.
    package func end() async {
        _ = try? await command("down")
    }

    /// Runs a command inside and gives what it prints.
    @discardableResult
    package func run(_ arguments: String..., environment: [String: String] = [:]) async throws -> String {
        try await run(arguments, environment: environment)
    }

    /// Runs a command inside and gives what it prints.
    @discardableResult
    package func run(_ arguments: [String], environment: [String: String] = [:]) async throws -> String {
        try await command("run", arguments, environment)
    }

    /// Starts a command inside that goes on.
    package func open(_ arguments: String...) throws -> ChildProcess { try process("run", arguments) }

    /// Where the processes of a service are named, as the kernel names them outside, and are killed all at once
    /// (cgroup.procs and cgroup.kill in cgroups(7)).
    package func cgroup(of unit: String) -> String {
        let own = (try? String(contentsOfFile: directory + "/cgroup", encoding: .utf8)) ?? ""
        return own.split(separator: "\n").joined() + "/system.slice/" + unit
    }

    /// Kills a process inside.
    package func kill(_ pid: String) async throws {
        // The shell's own: not every Debian has procps.
        try await run("sh", "-c", #"kill -KILL "$1""#, "sh", pid)
    }

    /// Leaves a unit's file where it is found.
    package func write(_ unit: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: "\(directory)/units/\(unit)"))
    }

    /// Starts a unit with this text.
    package func start(_ unit: String, _ text: String) async throws {
        try write(unit, text)
        try await run("systemctl", "daemon-reload")
        try await run("systemctl", "start", unit)
    }

    @discardableResult
    private func command(
        _ name: String, _ arguments: [String] = [], _ environment: [String: String] = [:]
    ) async throws -> String {
        let process = try process(name, arguments, environment)
        var output: [String] = []
        for await line in process.lines { output.append(line) }
        let text = output.joined(separator: "\n")
        guard await process.ended() == 0 else {
            throw PrivateSystemdError(description: "\(name) \(arguments): \(text)")
        }
        return text
    }

    private func process(
        _ name: String, _ arguments: [String], _ environment: [String: String] = [:]
    ) throws -> ChildProcess {
        try ChildProcess(
            [Self.script, name, directory] + arguments,
            environment: ["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
                .merging(environment) { $1 }, output: .lines)
    }

    private static let script =
        #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
        + "/Tests/Fixtures/systemd/private-systemd"
}

/// Says which command of a private systemd failed.
package struct PrivateSystemdError: Error, CustomStringConvertible {
    package var description: String

    package init(description: String) { self.description = description }
}

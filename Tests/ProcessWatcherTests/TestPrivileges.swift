import Glibc
import SystemPackage
import SystemSupport
import TestSupport
import WatcherAPI

extension TestProcessDirectory {
    /// A copy of `test-target` with these permissions.
    func testTarget(permissions: UInt32) throws -> FilePath {
        let program = file("program")
        try copyExecutable(from: TestProcess.testTarget, to: program)
        guard chmod(program.string, permissions) == 0 else { throw Errno(rawValue: errno) }
        return program
    }

    /// A copy of `test-target` that may bind(2) low ports.
    func testTargetWithCapability() async throws -> FilePath {
        let program = try testTarget(permissions: 0o755)
        let grant = try ChildProcess([TestProcess.testTarget.string, "grant", program.string])
        guard await grant.ended() == 0 else { throw Errno.notSupported }
        return program
    }
}

/// A cgroup of a test's own, removed once it is empty.
final class TestCgroup: Sendable {
    let path: FilePath

    init(_ name: String) throws {
        let mounts = String(decoding: try readWholeFile("/proc/self/mounts", limit: 1 << 20), as: UTF8.self)
        let root = mounts.split(separator: "\n").map { $0.split(separator: " ") }
            .first { $0.dropFirst(2).first == "cgroup2" }?.dropFirst().first
        guard let root else { throw Errno.noSuchFileOrDirectory }
        path = FilePath(String(root)).appending(name)
        guard mkdir(path.string, 0o755) == 0 else { throw Errno(rawValue: errno) }
    }

    deinit { rmdir(path.string) }
}

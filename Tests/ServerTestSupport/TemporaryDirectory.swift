import FoundationEssentials

/// A directory of one test, gone with it.
package final class TemporaryDirectory: Sendable {
    package let path: String

    package init() throws {
        path = TemporaryRoot.path + "/clevagent-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// A path inside it.
    package func file(_ name: String) -> String { "\(path)/\(name)" }
}

private enum TemporaryRoot {
    static var path: String {
        let given = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        return given.hasSuffix("/") ? String(given.dropLast()) : given
    }
}

import Glibc
package import SystemPackage
import SystemSupport

/// mkdtemp(3) in /tmp: a new directory that is this user's alone.
package func makeTemporaryDirectory(_ name: String) throws(Errno) -> FilePath {
    var template = Array("/tmp/\(name)-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
    return FilePath(platformString: template)
}

/// A directory of a test's own, removed with everything in it when the test lets go of it.
package final class TestProcessDirectory: Sendable {
    package let path: FilePath

    /// - Parameter owner: whose it is; nil for whoever tests. Giving it away needs root.
    package init(owner: UInt32? = nil) throws {
        path = try makeTemporaryDirectory("clevagent-test")
        // For programs that other users run.
        chmod(path.string, 0o755)
        if let owner, chown(path.string, owner, owner) != 0 { throw Errno(rawValue: errno) }
    }

    deinit { Self.remove(path) }

    package func file(_ name: String) -> FilePath { path.appending(name) }

    /// Writes a file in one go, as a program would: open, write, close.
    package func write(_ text: String, to file: FilePath, permissions: UInt32 = 0o644) throws {
        let fd = open(file.string, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, permissions)
        guard fd >= 0 else { throw Errno(rawValue: errno) }
        defer { close(fd) }
        guard Glibc.write(fd, text, text.utf8.count) == text.utf8.count, fchmod(fd, permissions) == 0 else {
            throw Errno(rawValue: errno)
        }
    }

    /// Sets the time of a file that long into the past.
    package func age(_ file: FilePath, by duration: Duration) throws {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        now.tv_sec -= Int(duration.components.seconds)
        guard utimensat(AT_FDCWD, file.string, [now, now], 0) == 0 else { throw Errno(rawValue: errno) }
    }

    /// Makes a file seem just written however long the test takes: its time is an hour ahead.
    package func keepFresh(_ file: FilePath) throws {
        try age(file, by: .seconds(-3600))
    }

    /// Copies a program. Closed before anybody execs it: ETXTBSY.
    package func copyExecutable(from source: FilePath, to target: FilePath) throws {
        let bytes = try readWholeFile(source, limit: 100_000_000)
        try OwnedDescriptor.open(target, O_WRONLY | O_CREAT | O_CLOEXEC, mode: 0o755).writeAll(bytes)
    }

    private static func remove(_ path: FilePath) {
        guard unlink(path.string) != 0 else { return }
        if let stream = opendir(path.string) {
            while let entry = readdir(stream) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name != ".", name != ".." { remove(path.appending(name)) }
            }
            closedir(stream)
        }
        rmdir(path.string)
    }
}

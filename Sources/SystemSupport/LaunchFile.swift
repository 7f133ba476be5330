import CPlatformShims
import FoundationEssentials
import Glibc
package import SystemPackage

/// A recipe on its way to the launch helper, and the gate at which the helper waits: two files of one name.
///
/// Both lie in a directory that is this user's alone.
package struct LaunchFile: Sendable {
    /// A recipe that is larger was not written by a runner: arguments and environment have 4 MiB each at most, and a
    /// byte has four in JSON if it is no text.
    private static let largest = 40 << 20

    private struct Content: Codable {
        static let currentVersion = 1

        var version = Content.currentVersion
        var plan: LaunchPlan
    }

    private let path: FilePath
    private var gate: FilePath { FilePath(path.string + ".gate") }

    package init(path: FilePath) {
        self.path = path
    }

    // MARK: The runner's side

    /// Writes the recipe, readable by this user alone.
    package func write(_ plan: LaunchPlan) throws {
        let bytes = try JSONEncoder().encode(Content(plan: plan))
        let descriptor = try OwnedDescriptor.open(
            path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode: 0o600)
        guard fchmod(descriptor.rawValue, 0o600) == 0 else { throw Errno(rawValue: errno) }
        try descriptor.writeAll(Array(bytes))
    }

    /// Opens the gate for the helper to come to.
    package func listen() throws(Errno) -> OwnedDescriptor {
        let descriptor = try OwnedDescriptor(
            checking: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        try withAddress { address, length throws(Errno) in
            guard bind(descriptor.rawValue, address, length) == 0 else { throw Errno(rawValue: errno) }
        }
        guard chmod(gate.string, 0o600) == 0, Glibc.listen(descriptor.rawValue, 1) == 0 else {
            throw Errno(rawValue: errno)
        }
        return descriptor
    }

    /// Waits for the helper.
    ///
    /// - Parameters:
    ///   - milliseconds: how long.
    ///   - isHelper: whether this is the process that was made for it.
    /// - Throws: `Errno.timedOut` when nobody came.
    package func accept(
        on gate: OwnedDescriptor, within milliseconds: Int32, _ isHelper: (ProcessHandle) -> Bool
    ) throws(Errno) -> GatedProcess {
        var waiting = pollfd(fd: gate.rawValue, events: Int16(POLLIN), revents: 0)
        let count = poll(&waiting, 1, milliseconds)
        guard count > 0 else { throw count == 0 ? .timedOut : Errno(rawValue: errno) }
        var pid: Int32 = 0
        var user: UInt32 = 0
        let fd = clevagent_accept(gate.rawValue, &pid, &user)
        guard fd >= 0 else { throw Errno(rawValue: -fd) }
        let connection = OwnedDescriptor(owning: fd)
        let handle = try ProcessHandle(pid: pid)
        guard user == geteuid(), isHelper(handle) else { throw .notPermitted }
        return GatedProcess(handle: handle, gate: connection, report: connection)
    }

    /// Removes what is still there of both.
    package func remove() {
        unlink(path.string)
        unlink(gate.string)
    }

    // MARK: The helper's side

    /// Reads the recipe and removes it; a file that is none is left alone.
    ///
    /// - Throws: what is wrong, without a word of what it holds.
    package func take() throws(LaunchFileError) -> LaunchPlan {
        let descriptor = try open()
        let bytes: [UInt8]
        do {
            bytes = try descriptor.readAll(limit: Self.largest)
        } catch {
            throw failure("can't be read: \(error)")
        }
        guard let content = try? JSONDecoder().decode(Content.self, from: Data(bytes)),
            content.version == Content.currentVersion
        else { throw failure("is no recipe of this version") }
        guard unlink(path.string) == 0 else { throw failure("can't be removed: \(Errno(rawValue: errno))") }
        return content.plan
    }

    private func open() throws(LaunchFileError) -> OwnedDescriptor {
        let descriptor: OwnedDescriptor
        let status: FileStatus
        do {
            descriptor = try OwnedDescriptor.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
            status = try descriptor.status()
        } catch {
            throw failure("can't be read: \(error)")
        }
        guard status.kind == .regular else { throw failure("is no regular file") }
        guard status.owner == geteuid() else { throw failure("belongs to user \(status.owner), not to this one") }
        guard status.permissions == 0o600 else {
            throw failure("has the mode \(String(status.permissions, radix: 8)), not 600")
        }
        guard status.size <= Self.largest else { throw failure("is too large") }
        return descriptor
    }

    private func failure(_ reason: String) -> LaunchFileError {
        LaunchFileError(path: path, reason: reason)
    }

    /// Goes to the gate.
    func connect() throws(Errno) -> OwnedDescriptor {
        let descriptor = try OwnedDescriptor(
            checking: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        try withAddress { address, length throws(Errno) in
            guard Glibc.connect(descriptor.rawValue, address, length) == 0 else { throw Errno(rawValue: errno) }
        }
        return descriptor
    }

    private func withAddress(
        _ body: (UnsafePointer<sockaddr>, socklen_t) throws(Errno) -> Void
    ) throws(Errno) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(gate.string.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { throw .fileNameTooLong }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let result: Result<Void, Errno> = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                do throws(Errno) {
                    return .success(try body(pointer, socklen_t(MemoryLayout<sockaddr_un>.size)))
                } catch {
                    return .failure(error)
                }
            }
        }
        try result.get()
    }
}

/// Why a recipe was not taken.
package struct LaunchFileError: Error, Sendable, Hashable, CustomStringConvertible {
    package var path: FilePath
    package var reason: String

    package var description: String { "the recipe \(path) \(reason)" }
}

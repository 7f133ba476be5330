import Glibc
package import SystemPackage
package import SystemSupport

/// What was found where a PID file should be.
package enum PIDFile: Sendable, Hashable {
    case missing
    /// It can't be asked.
    case unreadable(Errno)
    /// Somebody is writing it: empty, or half a number perhaps.
    case incomplete(FileStamp, String)
    /// It names nobody, or is not to be trusted, with the reason.
    case refused(FileStamp?, String)
    case names(Int32, FileStamp, owner: UInt32)

    /// Whether what was found holds until the file is touched.
    var isConclusive: Bool {
        switch self {
        case .unreadable: false
        case .missing, .incomplete, .refused, .names: true
        }
    }

    /// How long nothing, or a number without a line end, is thought unfinished.
    package static let settleTime = Duration.seconds(1)
    /// The first lines of the longest PID files that are known are shorter.
    private static let largest = 4096

    package var stamp: FileStamp? {
        switch self {
        case .missing, .unreadable: nil
        case .incomplete(let stamp, _): stamp
        case .refused(let stamp, _): stamp
        case .names(_, let stamp, _): stamp
        }
    }

    /// Reads a PID file without following a symbolic link, and without waiting if it is a pipe or a device.
    ///
    /// - Parameter settled: the file as it was when it was known that nobody was writing it.
    package static func read(_ path: FilePath, settled: FileStamp?) -> PIDFile {
        do {
            let descriptor = try OwnedDescriptor.open(
                path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
            let status = try descriptor.status()
            guard status.kind == .regular else { return .refused(nil, "PID file is no regular file") }
            let bytes = try descriptor.readAll(limit: largest)
            return judge(bytes, status, settled: settled, now: .now)
        } catch .noSuchFileOrDirectory, .notDirectory {
            return .missing
        } catch .tooManySymbolicLinkLevels {
            return .refused(nil, "PID file is a symbolic link, which is not followed: name the file itself")
        } catch .fileTooLarge {
            return .refused(nil, "PID file is longer than \(largest) bytes")
        } catch {
            return .unreadable(error)
        }
    }

    /// The permissions and the owner that a new file in the place of this one is to have; nil when it must be left alone:
    /// it is a link, belongs to somebody else, or can be written by everybody.
    ///
    /// - Parameters:
    ///   - user: whose process it is to name; a missing file will be this user's.
    ///   - runner: whose files are as good.
    static func rewriting(_ path: FilePath, user: UInt32, runner: UInt32) -> (permissions: UInt32, owner: UInt32)? {
        do {
            let status = try OwnedDescriptor.open(
                path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
            ).status()
            guard status.kind == .regular, [user, runner].contains(status.owner), status.permissions & 0o002 == 0 else {
                return nil
            }
            return (status.permissions & 0o777, status.owner)
        } catch .noSuchFileOrDirectory {
            return (0o644, user)
        } catch {
            return nil
        }
    }

    /// Says what content and status mean together.
    package static func judge(
        _ bytes: [UInt8], _ status: FileStatus, settled: FileStamp?, now: WallTime
    ) -> PIDFile {
        var stamp = FileStamp(file: status.file, modified: status.modified, size: status.size)
        guard status.permissions & 0o002 == 0 else {
            return .refused(stamp, "PID file can be written by everybody: chmod o-w it")
        }
        let isFresh = now.sinceEpoch - status.modified.sinceEpoch < settleTime
        switch PIDFileContent(parsing: bytes) {
        case .empty where isFresh && stamp != settled: return .incomplete(stamp, "PID file is empty")
        case .empty: return .refused(stamp, "PID file is empty")
        case .refused(let reason): return .refused(stamp, reason)
        case .pid(let pid, let isTerminated):
            stamp.pid = pid
            guard isTerminated || !isFresh || stamp == settled else {
                return .incomplete(stamp, "PID file seems half-written")
            }
            return .names(pid, stamp, owner: status.owner)
        }
    }
}

/// What makes a PID file unchanged: the same file, not written since, with the same number.
package struct FileStamp: Sendable, Hashable, Codable {
    package var file: FileID
    package var modified: WallTime
    package var size: Int64
    package var pid: Int32?

    package init(file: FileID, modified: WallTime, size: Int64, pid: Int32? = nil) {
        self.file = file
        self.modified = modified
        self.size = size
        self.pid = pid
    }
}

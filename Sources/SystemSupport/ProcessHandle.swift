import CPlatformShims
import Glibc
import NIOConcurrencyHelpers
package import SystemPackage

/// One life of one process, held by a pidfd (pidfd_open(2)): what is done through it reaches this life or nobody.
package final class ProcessHandle: Sendable {
    package let pid: Int32
    package let pidfd: Int32
    /// What the kernel told, once: it tells only once.
    private let reaped = NIOLockedValueBox<ExitStatus?>(nil)

    /// Holds the process that has this PID now.
    ///
    /// - Throws: `Errno.noSuchProcess` when there is none. A process that has ended and was not waited for still has one.
    package convenience init(pid: Int32) throws(Errno) {
        let pidfd = clevagent_pidfd_open(pid)
        guard pidfd >= 0 else { throw Errno(rawValue: -pidfd) }
        self.init(pid: pid, owning: pidfd)
    }

    init(pid: Int32, owning pidfd: Int32) {
        self.pid = pid
        self.pidfd = pidfd
    }

    deinit { close(pidfd) }

    /// Whether the process has not ended.
    ///
    /// Dead is what is readable on two polls: while a thread other than the leader execs, the kernel has no leader for
    /// a moment, and an older one calls that an end.
    package var isAlive: Bool {
        guard isReadable else { return true }
        sched_yield()
        return !isReadable
    }

    /// Sends a signal to this process and to no other.
    package func send(_ signal: Int32) throws(Errno) {
        let result = clevagent_pidfd_send_signal(pidfd, signal)
        guard result == 0 else { throw Errno(rawValue: -result) }
    }

    /// How it ended, as far as it can be known, and takes it out of the process table if it is our child.
    package func reap() -> ExitStatus {
        reaped.withLockedValue { reaped in
            if let reaped { return reaped }
            var code: Int32 = 0
            var status: Int32 = 0
            let result = clevagent_pidfd_reap(pidfd, &code, &status)
            guard result != 0 else { return .running }
            let told: ExitStatus = result < 0 ? .unknown : code == CLD_EXITED ? .exited(status) : .signalled(status)
            reaped = told
            return told
        }
    }

    /// How it ended if it is not our child, as its pidfd tells once its parent has collected it.
    package func exitStatusFromPidfd() -> ExitStatus {
        guard !isAlive else { return .running }
        var status: Int32 = 0
        return switch clevagent_pidfd_exit_status(pidfd, &status) {
        case 0: .uncollected
        case 1: ExitStatus(waitStatus: status)
        default: .unknown
        }
    }

    private var isReadable: Bool {
        var descriptor = pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)
        return poll(&descriptor, 1, 0) > 0
    }
}

/// How a process ended.
package enum ExitStatus: Sendable, Hashable {
    case running
    case exited(Int32)
    case signalled(Int32)
    /// It is not our child, and its parent has not collected it: it may become known.
    case uncollected
    /// It is not our child, and the kernel does not tell.
    case unknown

    /// Takes a status apart as wait(2) gives it: the signal in the low 7 bits, then whether there is a core dump.
    package init(waitStatus: Int32) {
        let signal = waitStatus & 0x7f
        self = signal == 0 ? .exited(waitStatus >> 8 & 0xff) : .signalled(signal)
    }
}

extension ProcessHandle {
    /// The PID of this program.
    package static var ownPID: Int32 { getpid() }
}

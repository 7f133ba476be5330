import SystemSupport
import SystemdSupport

/// How a job ended.
enum JobEnd: Sendable, Hashable {
    case refused(BusError)
    /// With this word of systemd's.
    case ended(String)
    /// The connection was lost while it ran.
    case lost(String)
    case late
}

/// Somebody who waits for a job. Belongs to the monitor.
struct JobWait {
    private let continuation: CheckedContinuation<JobEnd, Never>
    private let alarm: EventLoop.Alarm

    init(_ continuation: CheckedContinuation<JobEnd, Never>, alarm: EventLoop.Alarm) {
        self.continuation = continuation
        self.alarm = alarm
    }

    func end(_ end: JobEnd) {
        alarm.cancel()
        continuation.resume(returning: end)
    }
}

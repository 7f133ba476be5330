import Glibc
import NIOConcurrencyHelpers
package import SystemPackage

/// Calls back once, when a process has ended, or when its parent has collected it after that.
package final class ProcessExitEvent: Sendable {
    private struct State {
        var registration: EventLoop.Registration?
        var hasHappened = false
    }

    private let state = NIOLockedValueBox(State())

    /// Watches until the process has ended or `cancel()`.
    ///
    /// - Parameter handler: called on the loop's thread, at most once.
    package convenience init(
        of process: ProcessHandle, on loop: EventLoop, _ handler: @escaping @Sendable () -> Void
    ) throws(Errno) {
        try self.init(process.pidfd, for: .readable, of: process, on: loop, handler) { !process.isAlive }
    }

    /// Watches until the process was collected or `cancel()`.
    ///
    /// A pidfd hangs up then, since Linux 6.9 (fs/pidfs.c, pidfd_poll).
    package convenience init(
        collectionOf process: ProcessHandle, on loop: EventLoop, _ handler: @escaping @Sendable () -> Void
    ) throws(Errno) {
        // A descriptor of its own: the other is registered for other events while somebody waits for the end.
        let copy = try OwnedDescriptor(checking: fcntl(process.pidfd, F_DUPFD_CLOEXEC, 0))
        try self.init(copy.rawValue, for: .hungUp, of: copy, on: loop, handler) { true }
    }

    private init(
        _ descriptor: Int32, for readiness: EventLoop.Readiness, of owner: any AnyObject & Sendable,
        on loop: EventLoop, _ handler: @escaping @Sendable () -> Void, isDue: @escaping @Sendable () -> Bool
    ) throws(Errno) {
        let registration = try loop.watch(descriptor, for: readiness, of: owner) { [weak self] in
            guard isDue(), let self else { return }
            // It stays so for ever.
            let isFirst = state.withLockedValue { state in
                defer { state.hasHappened = true }
                return !state.hasHappened
            }
            cancel()
            if isFirst { handler() }
        }
        // It may have happened before there was something to cancel.
        let isOver = state.withLockedValue { state in
            if !state.hasHappened { state.registration = registration }
            return state.hasHappened
        }
        if isOver { registration.cancel() }
    }

    package func cancel() {
        let registration = state.withLockedValue { state in
            defer { state.registration = nil }
            return state.registration
        }
        registration?.cancel()
    }

    deinit { cancel() }
}

extension ProcessHandle {
    /// Returns when the process has ended, or when the task is cancelled.
    ///
    /// - Throws: when the system gives no place to wait.
    package func waitForEnd(on loop: EventLoop) async throws(Errno) {
        let (ends, continuation) = AsyncStream.makeStream(of: Void.self)
        let event = try ProcessExitEvent(of: self, on: loop) { continuation.finish() }
        for await _ in ends {}
        event.cancel()
    }
}

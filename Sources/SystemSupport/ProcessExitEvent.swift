import NIOConcurrencyHelpers
package import SystemPackage

/// Calls back once, when a process has ended.
package final class ProcessExitEvent: Sendable {
    private let registration = NIOLockedValueBox<EventLoop.Registration?>(nil)

    /// Watches until the process has ended or `cancel()`.
    ///
    /// - Parameter handler: called on the loop's thread, at most once.
    package init(
        of process: ProcessHandle, on loop: EventLoop, _ handler: @escaping @Sendable () -> Void
    ) throws(Errno) {
        let isDone = NIOLockedValueBox(false)
        let registration = try loop.watch(process.pidfd, of: process) { [weak self] in
            guard !process.isAlive else { return }
            // It stays readable for ever.
            self?.cancel()
            let isFirst = isDone.withLockedValue { isDone in
                defer { isDone = true }
                return !isDone
            }
            if isFirst { handler() }
        }
        self.registration.withLockedValue { $0 = registration }
        // It may have been called before there was something to cancel.
        if isDone.withLockedValue({ $0 }) { cancel() }
    }

    package func cancel() {
        let registration = registration.withLockedValue { registration in
            defer { registration = nil }
            return registration
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

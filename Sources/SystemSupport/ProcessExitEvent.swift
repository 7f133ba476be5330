package import Dispatch

/// Calls back once, when a process has ended.
package final class ProcessExitEvent: Sendable {
    // Dispatch sources may be used from any thread; the module does not say so.
    nonisolated(unsafe) private let source: any DispatchSourceRead

    /// Watches until the process has ended or `cancel()`.
    ///
    /// - Parameter handler: called on `queue`, at most once.
    package init(of process: ProcessHandle, on queue: DispatchQueue, _ handler: @escaping @Sendable () -> Void) {
        let source = DispatchSource.makeReadSource(fileDescriptor: process.pidfd, queue: queue)
        self.source = source
        source.setEventHandler {
            // It stays readable for ever: not cancelled, it would call again and again.
            guard !process.isAlive else { return }
            source.cancel()
            handler()
        }
        // The descriptor must be open until the source has let go of it.
        source.setCancelHandler { withExtendedLifetime(process) {} }
        source.activate()
    }

    package func cancel() {
        source.cancel()
    }

    deinit { source.cancel() }
}

extension ProcessHandle {
    /// Returns when the process has ended, or when the task is cancelled.
    package func waitForEnd(on queue: DispatchQueue) async {
        let (ends, continuation) = AsyncStream.makeStream(of: Void.self)
        let event = ProcessExitEvent(of: self, on: queue) { continuation.finish() }
        for await _ in ends {}
        event.cancel()
    }
}

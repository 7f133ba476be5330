import CPlatformShims
import Dispatch
import NIOConcurrencyHelpers
package import NIOCore

/// Where tasks run that have no executor of their own.
///
/// In place of the thread pool of libdispatch, which wakes up each second to count its threads
/// (docs/decisions/0009-task-threads.md).
package enum GlobalTasks {
    /// A job of Swift's runtime, which is not ours: only passed on.
    package struct Job: @unchecked Sendable {
        fileprivate var job: UnsafeMutableRawPointer

        /// Runs it on this thread. To be called once.
        package func run() { clevagent_run_job(job) }
    }

    /// Set once, before anything else runs: C functions can't hold it.
    nonisolated(unsafe) private static var receive: (@Sendable (Job) -> Void)?

    /// Gives every job to `receive`, for the rest of the program.
    ///
    /// To be called once, before anything else is asynchronous.
    package static func take(_ receive: @escaping @Sendable (Job) -> Void) {
        precondition(Self.receive == nil, "tasks have a place already")
        Self.receive = receive
        clevagent_take_global_jobs { job in
            guard let job = job.map(Job.init) else { return }
            GlobalTasks.receive?(job)
        }
    }

    /// Runs a program's work as a task, and all tasks on one thread, with the connections that it serves.
    ///
    /// To be called once, from the main thread, which waits, before anything else is asynchronous. What blocks belongs on
    /// another executor from then on, and what sleeps on a clock of its own (`BootClock`).
    ///
    /// - Parameter loop: must never end.
    /// - Throws: what the work throws.
    package static func run(
        on loop: any NIOCore.EventLoop, _ work: @escaping @Sendable () async throws -> Void
    ) throws {
        take { job in loop.execute { job.run() } }
        let result = NIOLockedValueBox<Result<Void, any Error>>(.success(()))
        let done = DispatchSemaphore(value: 0)
        // Awaited by the main thread.
        Task {
            do { try await work() } catch { result.withLockedValue { $0 = .failure(error) } }
            done.signal()
        }
        done.wait()
        try result.withLockedValue { $0 }.get()
    }
}

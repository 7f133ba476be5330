package import Logging
import ServiceLifecycle
import SystemPackage

/// Tells the service manager that all is up, then again and again that every part is alive, and at last that it ends.
///
/// To be the last of a program's services: so it is the first to be shut down, and the manager hears at once that this end is
/// meant.
package struct ServiceNotifier<C: Clock>: Service where C.Duration == Duration {
    private let notification: ServiceNotification
    private let clock: C
    private let logger: Logger
    private let waitUntilReady: @Sendable () async -> String
    private let hanging: @Sendable () async -> String?

    /// - Parameters:
    ///   - waitUntilReady: returns when all is up, with what `systemctl status` is to show.
    ///   - hanging: names a part that hangs; nil when every part has had a turn. While one hangs, whether it is named or is
    ///     waited for, nothing is told, and the manager ends us.
    package init(
        _ notification: ServiceNotification, clock: C, logger: Logger,
        waitUntilReady: @escaping @Sendable () async -> String,
        hanging: @escaping @Sendable () async -> String?
    ) {
        self.notification = notification
        self.clock = clock
        self.logger = logger
        self.waitUntilReady = waitUntilReady
        self.hanging = hanging
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            let status = await waitUntilReady()
            guard !Task.isCancelled else { return }
            tell([.ready, .status(status)])
            await feedWatchdog()
        }
        tell([.stopping])
    }

    /// Returns when cancelled.
    private func feedWatchdog() async {
        guard let watchdog = notification.watchdog else {
            try? await gracefulShutdown()
            return
        }
        while (try? await clock.sleep(for: watchdog / 2)) != nil {
            let part = await hanging()
            guard !Task.isCancelled else { return }
            if let part {
                logger.warning("A part hangs; the service manager's watchdog is not fed", metadata: ["part": "\(part)"])
            } else {
                tell([.watchdog])
            }
        }
    }

    private func tell(_ states: [ServiceNotification.State]) {
        do throws(Errno) {
            try notification.send(states)
        } catch {
            logger.info("The service manager can't be told", metadata: ["error": "\(error)"])
        }
    }
}

import Glibc
package import Supervision
package import SystemSupport
package import SystemdSupport
package import WatcherAPI

/// Watches units of a service manager, and has it start and stop them: by sd-bus alone, without a program.
///
/// systemd's own restarts come first: what it is at is left to it.
package final class SystemdWatcher: Watcher, TargetController {
    private let monitor: UnitMonitor

    /// - Parameters:
    ///   - routes: how the manager is reached, the best way first.
    ///   - rereadInterval: how often all is compared, should an event be missed.
    ///   - loop: drives the connection.
    package init(
        _ context: WatcherContext, routes: [ManagerRoute], rereadInterval: Duration = .seconds(30), loop: EventLoop
    ) {
        monitor = UnitMonitor(
            Array(context.targets.keys), routes: routes, rereadInterval: rereadInterval, on: loop,
            logger: context.logger)
    }

    package convenience init(_ context: WatcherContext, scope: ManagerScope, loop: EventLoop) {
        let runtimeDirectory = getenv("XDG_RUNTIME_DIR").map { String(cString: $0) }
        self.init(
            context, routes: ManagerRoute.all(to: scope, user: geteuid(), runtimeDirectory: runtimeDirectory),
            loop: loop)
    }

    package func observe(
        _ targets: [TargetID], _ report: @escaping @Sendable (TargetID, Observation) -> Void
    ) async {
        await monitor.beginObserving(targets, report)
        // Nothing is ever sent: it ends with the cancellation.
        let (never, continuation) = AsyncStream.makeStream(of: Never.self)
        for await _ in never {}
        withExtendedLifetime(continuation) {}
        await monitor.endObserving(targets)
    }

    package func perform(
        _ action: TargetAction, on target: TargetID, startMade: @escaping @Sendable () -> Void
    ) async -> TargetActionOutcome {
        // Awaited at once: a task of its own only so that our cancellation does not end it between two calls.
        await Task { await monitor.perform(action, on: target, startMade) }.value
    }
}

import Glibc
import NIOConcurrencyHelpers
package import Supervision
package import SystemSupport
package import SystemdSupport
package import WatcherAPI

/// Watches units of a service manager, and has it start and stop them: by sd-bus alone, without a program.
///
/// systemd's own restarts come first: what it is at is left to it.
package final class SystemdWatcher: Watcher, TargetController {
    private let monitor: UnitMonitor
    private let scope: ManagerScope
    /// There only if somebody wants to know what units wrote.
    private let journal: NIOLockedValueBox<JournalReader?>

    /// - Parameters:
    ///   - routes: how the manager is reached, the best way first.
    ///   - rereadInterval: how often all is compared, should an event be missed.
    ///   - scope: whose journal has what the units write.
    ///   - loop: drives the connection.
    /// - Throws: when there is no thread for the journal.
    package init(
        _ context: WatcherContext, routes: [ManagerRoute], scope: ManagerScope = .system,
        rereadInterval: Duration = .seconds(30), loop: EventLoop
    ) throws {
        self.scope = scope
        journal = NIOLockedValueBox(try Self.reader(context.targets))
        monitor = UnitMonitor(
            Array(context.targets.keys), routes: routes, rereadInterval: rereadInterval, on: loop,
            logger: context.logger)
    }

    package convenience init(_ context: WatcherContext, scope: ManagerScope, loop: EventLoop) throws {
        let runtimeDirectory = getenv("XDG_RUNTIME_DIR").map { String(cString: $0) }
        try self.init(
            context, routes: ManagerRoute.all(to: scope, user: geteuid(), runtimeDirectory: runtimeDirectory),
            scope: scope, loop: loop)
    }

    package func observe(
        _ targets: [TargetID], _ report: @escaping @Sendable (TargetID, Observation) -> Void
    ) async {
        await monitor.beginObserving(targets, report)
        // Nothing is ever sent: it ends with the cancellation.
        let (never, continuation) = AsyncStream.makeStream(of: Never.self)
        for await _ in never {}
        withExtendedLifetime(continuation) {}
        await monitor.endObserving()
    }

    package func adopt(_ targets: [TargetID: TargetSettings]) async {
        journal.withLockedValue { $0 = $0 ?? (try? Self.reader(targets)) ?? nil }
        await monitor.adopt(targets.keys)
    }

    private static func reader(_ targets: [TargetID: TargetSettings]) throws -> JournalReader? {
        targets.values.contains { $0.logTail > 0 } ? try JournalReader() : nil
    }

    package func perform(
        _ action: TargetAction, on target: TargetID, startMade: @escaping @Sendable () -> Void
    ) async -> TargetActionOutcome {
        // Awaited at once: a task of its own only so that our cancellation does not end it between two calls.
        await Task { await monitor.perform(action, on: target, startMade) }.value
    }

    package func obstacle(to target: TargetID) async -> String? { await monitor.obstacle(to: target) }

    /// How long the journal is looked through; who asks waits no longer.
    private static let patience = Duration.milliseconds(450)

    package func lastOutput(of target: TargetID, lines: Int) async -> [UInt8]? {
        let end = BootClock().now.advanced(by: Self.patience)
        guard let journal = journal.withLockedValue({ $0 }), let life = await monitor.lastEnd(of: target) else {
            return nil
        }
        let output = await journal.tail(
            of: life.unit, in: scope, invocation: life.invocation, lines: lines, until: end)
        // What goes elsewhere is not known.
        return output == [] && !life.writesToJournal ? nil : output
    }
}

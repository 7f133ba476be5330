package import Supervision
import SystemPackage
package import SystemSupport
package import WatcherAPI

/// Watches processes that write PID files: their death through pidfds, their files through inotify.
///
/// It signals only through a pidfd whose process was verified, and starts only what nobody else has started.
package final class ProcessWatcher: Watcher, TargetController {
    private let targets: [TargetID: ProcessTarget]
    private let host: ProcessHost
    private let safetyNet: SafetyNet

    /// - Parameters:
    ///   - clock: times the waiting; start times are always those of the machine.
    ///   - openFileLimit: what `OpenFileLimit.raise()` found, to be given to new programs.
    ///   - launcher: how new programs are started.
    /// - Throws: when /proc can't be read.
    package init<C: Clock>(
        _ context: WatcherContext, clock: C, processes: any ProcessReading = ProcFS(),
        openFileLimit: OpenFileLimit? = nil, launcher: ProcessLauncher = .children(ProcessSpawner())
    ) throws where C.Instant == BootInstant, C.Duration == Duration {
        let host = try ProcessHost(
            processes: processes, clock: WatchClock(clock), openFileLimit: openFileLimit, launcher: launcher,
            context: context)
        self.host = host
        safetyNet = SafetyNet(timer: host.timer, events: host.events)
        targets = Dictionary(
            uniqueKeysWithValues: context.targets.compactMap { id, settings in
                guard case .pidFile(let path) = ProcessName(id.name) else { return nil }
                return (id, ProcessTarget(id: id, file: FilePath(path), settings: settings, host: host))
            })
    }

    package convenience init(
        _ context: WatcherContext, openFileLimit: OpenFileLimit, launcher: ProcessLauncher
    ) throws {
        try self.init(context, clock: BootClock(), openFileLimit: openFileLimit, launcher: launcher)
    }

    package func observe(_ target: TargetID, _ report: (Observation) async -> Void) async throws {
        let monitor = try monitor(target)
        let wakeups = monitor.hints.subscribe()
        safetyNet.add(target, monitor.hints)
        await monitor.beginObserving()
        var last: Observation?
        for await _ in wakeups.wakeups {
            guard let observation = await monitor.observe(), observation != last else { continue }
            last = observation
            await report(observation)
        }
        monitor.hints.unsubscribe(wakeups)
        safetyNet.remove(target)
        await monitor.endObserving()
    }

    package func perform(_ action: TargetAction, on target: TargetID) async -> TargetActionOutcome {
        do {
            return try await monitor(target).perform(action)
        } catch {
            return .failed(error.description, isPermanent: true)
        }
    }

    private func monitor(_ target: TargetID) throws(UnwatchedTargetError) -> ProcessTarget {
        guard let monitor = targets[target] else { throw UnwatchedTargetError(target: target) }
        return monitor
    }
}

/// A target that this watcher was not made for.
package struct UnwatchedTargetError: Error, Sendable, Hashable, CustomStringConvertible {
    package var target: TargetID

    package var description: String {
        guard target.kind == .process, case .match = ProcessName(target.name) else {
            return "\(target) is not watched here"
        }
        return "\(target) names no PID file: processes can't be found by their command line yet"
    }
}

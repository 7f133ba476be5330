package import Supervision
package import SystemSupport
package import WatcherAPI

/// Watches processes that are named by PID files or found by their command lines: their death through pidfds.
///
/// It signals only through a pidfd whose process was verified, and starts only what nobody else has started.
package final class ProcessWatcher: Watcher, TargetController {
    private let targets: [TargetID: ProcessTarget]
    private let host: ProcessHost
    private let safetyNet: SafetyNet
    /// There only if somebody wants to know what targets wrote.
    private let output: OutputReader?

    /// - Parameters:
    ///   - clock: times the waiting; start times are always those of the machine.
    ///   - openFileLimit: what `OpenFileLimit.raise()` found, to be given to new programs.
    ///   - launcher: how new programs are started.
    ///   - loop: waits for all that happens, and reads /proc.
    /// - Throws: when /proc can't be read.
    package init<C: Clock>(
        _ context: WatcherContext, clock: C, processes: any ProcessReading = ProcFS(),
        openFileLimit: OpenFileLimit? = nil, launcher: ProcessLauncher = .children(ProcessSpawner()),
        loop: EventLoop? = nil
    ) throws where C.Instant == BootInstant, C.Duration == Duration {
        let host = try ProcessHost(
            processes: processes, clock: WatchClock(clock), openFileLimit: openFileLimit, launcher: launcher,
            loop: loop ?? EventLoop(), context: context)
        self.host = host
        output = context.targets.values.contains { $0.logTail > 0 } ? try OutputReader() : nil
        safetyNet = SafetyNet(timer: host.timer, events: host.events, loop: host.loop)
        targets = Dictionary(
            uniqueKeysWithValues: context.targets.map { id, settings in
                (id, ProcessTarget(id: id, settings: settings, host: host))
            })
    }

    package convenience init(
        _ context: WatcherContext, openFileLimit: OpenFileLimit? = nil,
        launcher: ProcessLauncher = .children(ProcessSpawner()), loop: EventLoop? = nil
    ) throws {
        try self.init(
            context, clock: BootClock(sleepingOn: loop), openFileLimit: openFileLimit, launcher: launcher, loop: loop)
    }

    package func observe(
        _ targets: [TargetID], _ report: @escaping @Sendable (TargetID, Observation) -> Void
    ) async {
        // Beside the targets, so that a look at each of a thousand is no switch between threads.
        await withTaskExecutorPreference(host.tasks) { await observeHere(targets, report) }
    }

    private func observeHere(
        _ targets: [TargetID], _ report: @escaping @Sendable (TargetID, Observation) -> Void
    ) async {
        enum Turn { case first, next }
        let mailboxes = Mailboxes<TargetID, Turn>()
        for target in targets { mailboxes.send(.first, to: target) }
        await mailboxes.run { [self] target, turn in
            do {
                let monitor = try monitor(target)
                if turn == .first {
                    safetyNet.add(target, monitor.hints)
                    await monitor.beginObserving { mailboxes.send(.next, to: target) }
                }
                if let observation = await monitor.observe() { report(target, observation) }
            } catch {
                report(target, Observation(.undetermined("can't be observed: \(error)")))
            }
        }
        for target in targets {
            safetyNet.remove(target)
            await self.targets[target]?.endObserving()
        }
    }

    package func perform(
        _ action: TargetAction, on target: TargetID, startMade: @escaping @Sendable () -> Void
    ) async -> TargetActionOutcome {
        do {
            return try await monitor(target).perform(action, startMade: startMade)
        } catch {
            return .failed(error.description, isPermanent: true)
        }
    }

    package func lastOutput(of target: TargetID, lines: Int) async -> [UInt8]? {
        guard let output, let recipe = await targets[target]?.recipe, !recipe.outputFiles.isEmpty else { return nil }
        guard host.runner.status.effectiveUser == 0 else { return await output.tails(of: recipe.outputFiles, as: nil) }
        guard let ids = recipe.ids else { return nil }
        return await output.tails(of: recipe.outputFiles, as: ids)
    }

    private func monitor(_ target: TargetID) throws(UnwatchedTargetError) -> ProcessTarget {
        guard let monitor = targets[target] else { throw UnwatchedTargetError(target: target) }
        return monitor
    }
}

/// A target that this watcher was not made for.
package struct UnwatchedTargetError: Error, Sendable, Hashable, CustomStringConvertible {
    package var target: TargetID

    package var description: String { "\(target) is not watched here" }
}

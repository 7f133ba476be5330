import NIOConcurrencyHelpers
package import Supervision
package import SystemSupport
package import WatcherAPI

/// Watches processes that are named by PID files or found by their command lines: their death through pidfds.
///
/// It signals only through a pidfd whose process was verified, and starts only what nobody else has started.
package final class ProcessWatcher: Watcher, TargetController {
    private struct State {
        var targets: [TargetID: ProcessTarget]
        /// There only if somebody wants to know what targets wrote.
        var output: OutputReader?
        /// Has a target observed by the observation under way.
        var begin: (@Sendable (TargetID) -> Void)?
    }

    private let state: NIOLockedValueBox<State>
    private let host: ProcessHost
    private let safetyNet: SafetyNet

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
        safetyNet = SafetyNet(timer: host.timer, events: host.events, loop: host.loop)
        let targets = Dictionary(
            uniqueKeysWithValues: context.targets.map { id, settings in
                (id, ProcessTarget(id: id, settings: settings, host: host))
            })
        state = NIOLockedValueBox(State(targets: targets, output: try Self.reader(context.targets)))
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
        state.withLockedValue { $0.begin = { mailboxes.send(.first, to: $0) } }
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
        let observed = state.withLockedValue { state in
            state.begin = nil
            return state.targets
        }
        for (target, monitor) in observed { await letGo(of: monitor, target) }
    }

    private func letGo(of monitor: ProcessTarget, _ target: TargetID) async {
        safetyNet.remove(target)
        await monitor.endObserving()
    }

    package func adopt(_ targets: [TargetID: TargetSettings]) async {
        let (dropped, kept, added) = state.withLockedValue { state in
            let former = state.targets
            state.output = state.output ?? (try? Self.reader(targets)) ?? nil
            for (id, settings) in targets where former[id] == nil {
                state.targets[id] = ProcessTarget(id: id, settings: settings, host: host)
            }
            for id in former.keys where targets[id] == nil { state.targets[id] = nil }
            return (
                former.filter { targets[$0.key] == nil }, former.filter { targets[$0.key] != nil },
                targets.keys.filter { former[$0] == nil }
            )
        }
        for (id, monitor) in dropped { await letGo(of: monitor, id) }
        for (id, monitor) in kept { if let settings = targets[id] { await monitor.take(settings) } }
        guard let begin = state.withLockedValue({ $0.begin }) else { return }
        for id in added { begin(id) }
    }

    private static func reader(_ targets: [TargetID: TargetSettings]) throws -> OutputReader? {
        targets.values.contains { $0.logTail > 0 } ? try OutputReader() : nil
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
        let (output, monitor) = state.withLockedValue { ($0.output, $0.targets[target]) }
        guard let output, let recipe = await monitor?.recipe, !recipe.outputFiles.isEmpty else { return nil }
        guard host.runner.status.effectiveUser == 0 else { return await output.tails(of: recipe.outputFiles, as: nil) }
        guard let ids = recipe.ids else { return nil }
        return await output.tails(of: recipe.outputFiles, as: ids)
    }

    private func monitor(_ target: TargetID) throws(UnwatchedTargetError) -> ProcessTarget {
        guard let monitor = state.withLockedValue({ $0.targets[target] }) else {
            throw UnwatchedTargetError(target: target)
        }
        return monitor
    }
}

/// A target that this watcher was not made for.
package struct UnwatchedTargetError: Error, Sendable, Hashable, CustomStringConvertible {
    package var target: TargetID

    package var description: String { "\(target) is not watched here" }
}

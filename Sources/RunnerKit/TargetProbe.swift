package import Logging
import NIOConcurrencyHelpers
package import Supervision
import SystemPackage
import SystemSupport
package import WatcherAPI

/// Looks at every target once, by its real watcher, and changes nothing.
package enum TargetProbe {
    /// How long all targets of a kind may take.
    package static let patience = Duration.seconds(5)

    /// The first observation of each target that there was one of in time.
    package static func observations<C: Clock>(
        of configuration: RunnerConfiguration, registry: WatcherRegistry, clock: C, logger: Logger
    ) async -> [TargetID: Observation] where C.Instant == BootInstant {
        let memory = ReadOnlyState(path: configuration.stateDirectory)
        return await withTaskGroup(of: [TargetID: Observation].self) { group in
            for (kind, settings) in configuration.targetsByKind {
                let context = WatcherContext(targets: settings, memory: memory, logger: logger)
                group.addTask {
                    do {
                        guard let watcher = try await registry.make(kind, context) else { return [:] }
                        return await look(at: Array(settings.keys), with: watcher, clock: clock)
                    } catch {
                        return settings.mapValues { _ in Observation(.undetermined("can't be watched: \(error)")) }
                    }
                }
            }
            return await group.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
        }
    }

    private static func look<C: Clock>(
        at targets: [TargetID], with watcher: any Watcher & TargetController, clock: C
    ) async -> [TargetID: Observation] where C.Instant == BootInstant {
        let seen = NIOLockedValueBox<[TargetID: Observation]>([:])
        let signal = WakeSignal()
        let end = clock.now.advanced(by: patience)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await watcher.observe(targets) { target, observation in
                    let isComplete = seen.withLockedValue { seen in
                        if seen[target] == nil { seen[target] = observation }
                        return seen.count == targets.count
                    }
                    if isComplete { signal.raise() }
                }
            }
            group.addTask {
                await signal.wait(until: end, clock: clock)
                // While it is observed, so that its source is asked over the same connection.
                for (target, observation) in seen.withLockedValue({ $0 }) where observation.isToBeActedOn {
                    guard let obstacle = await watcher.obstacle(to: target) else { continue }
                    seen.withLockedValue { $0[target]?.obstacle = obstacle }
                }
            }
            await group.next()
            group.cancelAll()
        }
        return seen.withLockedValue { $0 }
    }
}

extension Observation {
    /// It is there, and nothing is known yet against starting and stopping it.
    fileprivate var isToBeActedOn: Bool {
        switch liveness {
        case .alive, .unhealthy, .dead: obstacle == nil
        case .missing, .undetermined, .handledElsewhere: false
        }
    }
}

/// What a runner wrote down of its targets, read while it may be at work, and never written.
private struct ReadOnlyState: WatcherMemory {
    var path: FilePath

    func load(_ target: TargetID) async -> [UInt8]? { read(target.fileName("note")) }

    func attachment(of target: TargetID) -> [UInt8]? { read(target.fileName("attachment")) }

    func save(_ note: [UInt8], attachment: [UInt8]?, for target: TargetID) async throws {}

    private func read(_ name: String) -> [UInt8]? {
        (try? DurableFile.read(path.appending("targets").appending(name))).flatMap { $0 }
    }
}

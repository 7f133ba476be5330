import NIOConcurrencyHelpers
import Supervision
import WatcherAPI

/// A watcher that sees what a test says, and whose actions end when and how the test says.
final class ScriptedWatcher: Watcher, TargetController {
    /// What a target of a test saw and did.
    private struct Stage: Sendable {
        let observations = AsyncStream.makeStream(of: Observation.self)
        let reported = AsyncStream.makeStream(of: Observation.self)
        let performed = AsyncStream.makeStream(of: TargetAction.self)
        let outcomes = AsyncStream.makeStream(of: TargetActionOutcome.self)
        let tails = AsyncStream.makeStream(of: [UInt8].self)
        let startMade = NIOLockedValueBox<@Sendable () -> Void>({})
    }

    private let stages: [TargetID: Stage]
    private let count = NIOLockedValueBox(0)
    private let lastAdopted = NIOLockedValueBox<[TargetID: TargetSettings]?>(nil)

    init(_ targets: [TargetID]) {
        stages = Dictionary(uniqueKeysWithValues: targets.map { ($0, Stage()) })
    }

    func observe(_ targets: [TargetID], _ report: @escaping @Sendable (TargetID, Observation) -> Void) async {
        await withDiscardingTaskGroup { group in
            for target in targets {
                guard let stage = stages[target] else { continue }
                group.addTask {
                    for await observation in stage.observations.stream {
                        report(target, observation)
                        stage.reported.continuation.yield(observation)
                    }
                }
            }
        }
    }

    func adopt(_ targets: [TargetID: TargetSettings]) async {
        lastAdopted.withLockedValue { $0 = targets }
    }

    /// What its targets are since the last change of them.
    var adopted: [TargetID: TargetSettings]? { lastAdopted.withLockedValue { $0 } }

    func perform(
        _ action: TargetAction, on target: TargetID, startMade: @escaping @Sendable () -> Void
    ) async -> TargetActionOutcome {
        stages[target]?.startMade.withLockedValue { $0 = startMade }
        count.withLockedValue { $0 += 1 }
        stages[target]?.performed.continuation.yield(action)
        let outcome = await stages[target]?.outcomes.stream.first { _ in true }
        return outcome ?? .failed("cancelled", isPermanent: false)
    }

    func lastOutput(of target: TargetID, lines: Int) async -> [UInt8]? {
        await stages[target]?.tails.stream.first { _ in true }
    }

    // MARK: - What a test says

    /// What the target wrote becomes known.
    func hasWritten(_ text: String, _ target: TargetID) {
        stages[target]?.tails.continuation.yield(Array(text.utf8))
    }

    func sees(
        _ liveness: Observation.Liveness, _ target: TargetID, memoryMB: Double? = nil, obstacle: String? = nil
    ) {
        stages[target]?.observations.continuation.yield(
            Observation(liveness, memoryMB: memoryMB, obstacle: obstacle))
    }

    /// Waits until the next thing that was seen has been reported.
    func hasReported(_ target: TargetID) async {
        _ = await stages[target]?.reported.stream.first { _ in true }
    }

    func ends(_ outcome: TargetActionOutcome, _ target: TargetID) {
        stages[target]?.outcomes.continuation.yield(outcome)
    }

    /// The action in hand has started what it had to, and goes on waiting.
    func hasStarted(_ target: TargetID) {
        stages[target]?.startMade.withLockedValue { $0 }()
    }

    /// Waits for the next action that was begun.
    func action(on target: TargetID) async -> TargetAction? {
        await stages[target]?.performed.stream.first { _ in true }
    }

    /// How many actions were begun.
    var actions: Int { count.withLockedValue { $0 } }
}

extension Identity {
    static func life(_ number: Int) -> Identity { Identity(token: "life-\(number)", pid: Int32(number)) }
}

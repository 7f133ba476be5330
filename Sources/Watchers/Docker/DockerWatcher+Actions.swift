package import Supervision
import SystemSupport
import WatcherAPI

// What can be done to a container, by the engine.
extension DockerWatcher {
    package func perform(
        _ action: TargetAction, on target: TargetID, startMade: @escaping @Sendable () -> Void
    ) async -> TargetActionOutcome {
        guard judges[target] != nil else { return .failed("\(target) is not watched here", isPermanent: true) }
        if judges[target]?.facts == nil { await read([target]) }
        if let failure { return .failed("it can't be judged: \(failure)", isPermanent: false) }
        guard let before = judges[target]?.facts else {
            if action == .stop { return .down }
            return .failed("there is no container of that name: create it again", isPermanent: true)
        }
        guard let command = cli.carryOut(action, on: before.id, stopTimeout: before.stopTimeout) else {
            return .failed(cli.problem ?? "", isPermanent: false)
        }
        // By its id: whoever has the name by now is another. A restart that has begun goes on when we are cancelled.
        let result = await Self.uncancelled { [runner] in await runner.run(command) }
        startMade()
        await Self.uncancelled { await self.readAfterAction(target) }
        if let failure { return .failed("its state can't be told: \(failure)", isPermanent: false) }
        return outcome(of: action, result, from: before, to: judges[target]?.facts)
    }

    /// Runs to its end what must not be left halfway.
    private static func uncancelled<Result: Sendable>(
        _ body: @escaping @Sendable () async -> Result
    ) async -> Result {
        // Not structured, so that no cancellation reaches it; awaited here.
        await Task { await body() }.value
    }

    private func outcome(
        of action: TargetAction, _ result: ProgramResult, from before: ContainerFacts, to after: ContainerFacts?
    ) -> TargetActionOutcome {
        let complaint = result.end == .exited(0) ? nil : EngineFailure.words(for: result, program: cli.program)
        switch (action, after?.status) {
        case (.stop, .running), (.stop, .restarting), (.stop, .paused):
            return .failed(complaint ?? "it is still running", isPermanent: false)
        case (.stop, _):
            return .down
        case (.recover, .running), (.restart, .running):
            guard let after, let identity = after.identity else { break }
            guard action == .recover || identity != before.identity else {
                return .failed(complaint ?? "it was not restarted", isPermanent: false)
            }
            return .up(identity, note: nil)
        case (_, nil): return .failed("there is no container of that name any more: create it again", isPermanent: true)
        case (_, .restarting):
            return .failed("it ended at once, and its own restart policy is at it", isPermanent: false)
        case (_, .paused): return .failed("it is paused: docker unpause it", isPermanent: false)
        case (_, .created), (_, .exited), (_, .removing), (_, .other): break
        }
        let words = after?.error.map { EngineWords.firstLine(of: $0) } ?? complaint
        return .failed(words ?? "it ended at once: exit \(after?.exitCode ?? 0)", isPermanent: false)
    }
}

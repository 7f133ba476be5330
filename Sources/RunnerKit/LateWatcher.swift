package import Logging
import NIOConcurrencyHelpers
package import Supervision
package import WatcherAPI

/// Stands in for a watcher that could not be made, until it can be: its targets are undetermined meanwhile, and the
/// targets of other kinds do not suffer.
package final class LateWatcher<C: Clock>: Watcher, TargetController where C.Instant == BootInstant {
    private enum State: Sendable {
        case missing(String)
        case made(any Watcher & TargetController)
    }

    package typealias Factory = @Sendable () async throws -> any Watcher & TargetController

    private static var firstPause: Duration { .seconds(1) }
    private static var longestPause: Duration { .seconds(60) }

    private let kind: WatcherKind
    private let make: Factory
    private let clock: C
    private let logger: Logger
    private let state: NIOLockedValueBox<State>

    /// - Parameters:
    ///   - error: why it could not be made.
    ///   - make: tries again.
    package init(_ kind: WatcherKind, error: any Error, clock: C, logger: Logger, make: @escaping Factory) {
        self.kind = kind
        self.make = make
        self.clock = clock
        self.logger = logger
        state = NIOLockedValueBox(.missing(Self.reason(kind, error)))
        tell(Self.reason(kind, error))
    }

    package func observe(
        _ targets: [TargetID], _ report: @escaping @Sendable (TargetID, Observation) -> Void
    ) async {
        var pause = Self.firstPause
        var told: String?
        while case .missing(let reason) = state.withLockedValue({ $0 }) {
            if reason != told {
                for target in targets { report(target, Observation(.undetermined(reason))) }
                told = reason
            }
            guard (try? await clock.sleep(until: clock.now.advanced(by: pause), tolerance: nil)) != nil else { return }
            pause = min(pause * 2, Self.longestPause)
            await tryAgain(after: reason)
        }
        if case .made(let watcher) = state.withLockedValue({ $0 }) { await watcher.observe(targets, report) }
    }

    private func tryAgain(after former: String) async {
        do {
            let watcher = try await make()
            state.withLockedValue { $0 = .made(watcher) }
            logger.notice("Targets of this kind can be watched now")
        } catch {
            let reason = Self.reason(kind, error)
            state.withLockedValue { $0 = .missing(reason) }
            if reason != former { tell(reason) }
        }
    }

    private func tell(_ reason: String) {
        logger.warning(
            "Targets of this kind can't be watched yet; it is tried again, and the others go on",
            metadata: ["reason": "\(reason)"])
    }

    private static func reason(_ kind: WatcherKind, _ error: any Error) -> String {
        "can't be watched: \(kind.rawValue) is not to be had on this host: \(error)"
    }

    package func perform(
        _ action: TargetAction, on target: TargetID, startMade: @escaping @Sendable () -> Void
    ) async -> TargetActionOutcome {
        switch state.withLockedValue({ $0 }) {
        case .missing(let reason): .failed(reason, isPermanent: false)
        case .made(let watcher): await watcher.perform(action, on: target, startMade: startMade)
        }
    }

    package func lastOutput(of target: TargetID, lines: Int) async -> [UInt8]? {
        guard case .made(let watcher) = state.withLockedValue({ $0 }) else { return nil }
        return await watcher.lastOutput(of: target, lines: lines)
    }
}

package import Logging
import NIOConcurrencyHelpers
package import Supervision
import SystemSupport
package import WatcherAPI

/// Stands in for a watcher that could not be made, until it can be: its targets are undetermined meanwhile, and the
/// targets of other kinds do not suffer.
package final class LateWatcher<C: Clock>: Watcher, TargetController where C.Instant == BootInstant {
    private enum State: Sendable {
        case missing(String)
        case made(any Watcher & TargetController)
    }

    /// Makes the watcher for what its targets are by then.
    package typealias Factory =
        @Sendable ([TargetID: TargetSettings]) async throws -> any Watcher & TargetController

    private static var firstPause: Duration { .seconds(1) }
    private static var longestPause: Duration { .seconds(60) }

    private let kind: WatcherKind
    private let make: Factory
    private let clock: C
    private let logger: Logger
    private let state: NIOLockedValueBox<State>
    private let targets: NIOLockedValueBox<[TargetID: TargetSettings]>
    /// Raised when there are other targets.
    private let signal = WakeSignal()

    /// - Parameters:
    ///   - targets: of its kind, with their settings.
    ///   - error: why it could not be made.
    ///   - make: tries again.
    package init(
        _ kind: WatcherKind, _ targets: [TargetID: TargetSettings], error: any Error, clock: C, logger: Logger,
        make: @escaping Factory
    ) {
        self.targets = NIOLockedValueBox(targets)
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
        var told: [TargetID: String] = [:]
        var next = clock.now.advanced(by: pause)
        while case .missing(let reason) = state.withLockedValue({ $0 }), !Task.isCancelled {
            let present = told.isEmpty ? targets : self.present
            for target in present where told[target] != reason {
                report(target, Observation(.undetermined(reason)))
                told[target] = reason
            }
            await signal.wait(until: next, clock: clock)
            guard clock.now >= next, !Task.isCancelled else { continue }
            pause = min(pause * 2, Self.longestPause)
            await tryAgain(after: reason)
            next = clock.now.advanced(by: pause)
        }
        guard case .made(let watcher) = state.withLockedValue({ $0 }) else { return }
        await watcher.observe(told.isEmpty ? targets : present, report)
    }

    private var present: [TargetID] { targets.withLockedValue { Array($0.keys) } }

    package func adopt(_ new: [TargetID: TargetSettings]) async {
        targets.withLockedValue { $0 = new }
        if case .made(let watcher) = state.withLockedValue({ $0 }) { await watcher.adopt(new) }
        signal.raise()
    }

    private func tryAgain(after former: String) async {
        do {
            let watcher = try await make(targets.withLockedValue { $0 })
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

import Logging
import NIOConcurrencyHelpers
package import Supervision
package import WatcherAPI

/// The watchers at work, one for each kind that is watched; made when they are needed first.
package final class WatcherSet: Sendable {
    package typealias Factory =
        @Sendable (WatcherKind, [TargetID: TargetSettings]) async -> (any Watcher & TargetController)?

    private struct State {
        var watchers: [WatcherKind: any Watcher & TargetController]
        /// What each was given last.
        var targets: [WatcherKind: [TargetID: TargetSettings]]
    }

    private let make: Factory
    private let state: NIOLockedValueBox<State>

    /// - Parameters:
    ///   - watchers: those that are there from the start, for `targets`.
    ///   - make: makes another; nil when this program has none of the kind.
    package init(
        _ watchers: [WatcherKind: any Watcher & TargetController],
        for targets: [WatcherKind: [TargetID: TargetSettings]] = [:], make: @escaping Factory = { _, _ in nil }
    ) {
        state = NIOLockedValueBox(State(watchers: watchers, targets: targets))
        self.make = make
    }

    subscript(kind: WatcherKind) -> (any Watcher & TargetController)? { state.withLockedValue { $0.watchers[kind] } }

    /// Gives every watcher its targets from now on.
    ///
    /// - Returns: watchers that were made for it, which nobody observes with yet.
    func adopt(
        _ targets: [WatcherKind: [TargetID: TargetSettings]]
    ) async -> [(any Watcher & TargetController, [TargetID])] {
        let former = state.withLockedValue { state in
            defer { state.targets = targets }
            return state.targets
        }
        var new: [(any Watcher & TargetController, [TargetID])] = []
        for kind in WatcherKind.allCases where targets[kind] != former[kind] {
            let wanted = targets[kind] ?? [:]
            if let watcher = self[kind] {
                await watcher.adopt(wanted)
            } else if let watcher = await make(kind, wanted) {
                state.withLockedValue { $0.watchers[kind] = watcher }
                new.append((watcher, Array(wanted.keys)))
            }
        }
        return new
    }
}

import NIOConcurrencyHelpers
import Supervision
import SystemSupport

/// Has everything read again now and then, should an event ever be missed. One alarm for all targets.
final class SafetyNet: Sendable {
    private static let interval = Duration.seconds(30)
    /// So many are read again before the loop looks at what has happened meanwhile.
    private static let batch = 20

    private struct State {
        var targets: [TargetID: TargetHints] = [:]
        var alarm: SharedTimer.Alarm?
    }

    private let timer: SharedTimer
    private let events: DirectoryEvents?
    private let loop: EventLoop
    private let state = NIOLockedValueBox(State())

    init(timer: SharedTimer, events: DirectoryEvents?, loop: EventLoop) {
        self.timer = timer
        self.loop = loop
        self.events = events
    }

    func add(_ target: TargetID, _ hints: TargetHints) {
        let isFirst = state.withLockedValue { state in
            state.targets[target] = hints
            return state.targets.count == 1
        }
        if isFirst { arm() }
    }

    func remove(_ target: TargetID) {
        // Dropped outside the lock: dropping it calls the timer.
        let alarm = state.withLockedValue { state -> SharedTimer.Alarm? in
            state.targets[target] = nil
            guard state.targets.isEmpty else { return nil }
            defer { state.alarm = nil }
            return state.alarm
        }
        withExtendedLifetime(alarm) {}
    }

    private func arm() {
        let alarm = timer.after(Self.interval) { [weak self] in self?.ring() }
        let former = state.withLockedValue { state in
            defer { state.alarm = alarm }
            return state.alarm
        }
        withExtendedLifetime(former) {}
    }

    private func ring() {
        if let events { loop.execute { events.refresh() } }
        let targets = state.withLockedValue { Array($0.targets.values) }
        refresh(targets[...])
        if !targets.isEmpty { arm() }
    }

    /// Raises the hints batch by batch, each behind the looks of the one before: a death is not to wait for a thousand.
    private func refresh(_ targets: ArraySlice<TargetHints>) {
        for hints in targets.prefix(Self.batch) { hints.raise([.changed, .refresh]) }
        let rest = targets.dropFirst(Self.batch)
        guard !rest.isEmpty else { return }
        loop.execute { [weak self] in self?.refresh(rest) }
    }
}

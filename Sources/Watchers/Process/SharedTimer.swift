import NIOConcurrencyHelpers
import Supervision

/// One sleeping task for the alarms of all targets.
final class SharedTimer: Sendable {
    /// Something that is to happen once. Dropped, it does not.
    final class Alarm: Sendable {
        private let id: Int
        private let timer: SharedTimer

        fileprivate init(id: Int, timer: SharedTimer) {
            self.id = id
            self.timer = timer
        }

        deinit { timer.remove(id) }
    }

    private struct Entry {
        var deadline: BootInstant
        var handler: @Sendable () -> Void
    }

    private struct State {
        var nextID = 0
        var entries: [Int: Entry] = [:]
        var sleeper: Task<Void, Never>?
        var wakes: BootInstant?
    }

    private let clock: WatchClock
    private let state = NIOLockedValueBox(State())

    init(clock: WatchClock) {
        self.clock = clock
    }

    deinit { state.withLockedValue { $0.sleeper?.cancel() } }

    /// Calls `handler` once, after `delay`.
    func after(_ delay: Duration, _ handler: @escaping @Sendable () -> Void) -> Alarm {
        at(clock.now.advanced(by: delay), handler)
    }

    /// Calls `handler` once, at `deadline` or at once if it is past.
    func at(_ deadline: BootInstant, _ handler: @escaping @Sendable () -> Void) -> Alarm {
        let id = state.withLockedValue { state in
            state.nextID += 1
            state.entries[state.nextID] = Entry(deadline: deadline, handler: handler)
            arrange(&state)
            return state.nextID
        }
        return Alarm(id: id, timer: self)
    }

    private func remove(_ id: Int) {
        // The handler may hold the last reference to something that drops an alarm: let it go outside the lock.
        let removed = state.withLockedValue { state in
            let removed = state.entries.removeValue(forKey: id)
            if state.entries.isEmpty { arrange(&state) }
            return removed
        }
        withExtendedLifetime(removed) {}
    }

    /// Sees to it that somebody sleeps until the first alarm, and nobody when there is none.
    private func arrange(_ state: inout State) {
        let first = state.entries.values.map(\.deadline).min()
        if let first, let wakes = state.wakes, wakes <= first { return }
        guard first != state.wakes else { return }
        state.sleeper?.cancel()
        state.wakes = first
        state.sleeper = first.map { deadline in
            // Nobody awaits it: it ends when it has rung, or is cancelled here or with the timer.
            Task { [clock, weak self] in
                guard (try? await clock.sleep(until: deadline)) != nil else { return }
                self?.ring(deadline)
            }
        }
    }

    private func ring(_ deadline: BootInstant) {
        let now = max(clock.now, deadline)
        let due = state.withLockedValue { state in
            // Somebody else sleeps by now if an earlier alarm was set meanwhile.
            if state.wakes == deadline { state.wakes = nil }
            let due = state.entries.filter { $0.value.deadline <= now }
            for id in due.keys { state.entries[id] = nil }
            arrange(&state)
            return due.values.sorted { $0.deadline < $1.deadline }
        }
        for entry in due { entry.handler() }
    }
}

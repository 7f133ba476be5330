import NIOConcurrencyHelpers
import Supervision
import SystemPackage
import SystemSupport

/// Looks through /proc for all targets that miss their process, and not at all while none does.
///
/// What it finds is a hint: the target looks itself. Scans run one after the other on a thread of their own, since a look
/// at thousands of processes takes its time.
final class CommandLineScanner: Sendable {
    /// With `ProcessJudgement.settleTime`, a process is found within twice this time.
    static let interval = Duration.milliseconds(400)

    private struct Seeker {
        var text: ByteText
        var hints: TargetHints
        var result: ScanResult?
    }

    private struct State {
        var seekers: [TargetID: Seeker] = [:]
        var alarm: SharedTimer.Alarm?
        var needsFullScan = true
        /// Those who wait for a full scan that has not begun.
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let timer: SharedTimer
    private let loop: EventLoop
    private let state = NIOLockedValueBox(State())
    /// Touched on the loop only.
    private let scan: NIOLockedValueBox<CommandLineScan>

    /// - Parameter loop: runs the scans, which may take long.
    init(processes: any ProcessListing, timer: SharedTimer, loop: EventLoop) {
        self.timer = timer
        self.loop = loop
        scan = NIOLockedValueBox(CommandLineScan(processes: processes))
    }

    /// Looks for a target's process now and then, until `rest`.
    func seek(_ target: TargetID, _ text: ByteText, _ hints: TargetHints) {
        let isFirst = state.withLockedValue { state in
            guard state.seekers[target] == nil else { return false }
            state.seekers[target] = Seeker(text: text, hints: hints)
            state.needsFullScan = true
            return state.seekers.count == 1
        }
        if isFirst { arm() }
    }

    func rest(_ target: TargetID) {
        // Dropped outside the lock: dropping it calls the timer.
        let alarm = state.withLockedValue { state -> SharedTimer.Alarm? in
            guard state.seekers.removeValue(forKey: target) != nil, state.seekers.isEmpty else { return nil }
            defer { state.alarm = nil }
            return state.alarm
        }
        withExtendedLifetime(alarm) {}
    }

    /// What was last found for a target that is sought; nil before the first scan.
    func result(for target: TargetID) -> ScanResult? {
        state.withLockedValue { $0.seekers[target]?.result }
    }

    /// Has the next scan read every process again.
    func requestFullScan() {
        state.withLockedValue { $0.needsFullScan = true }
    }

    /// Reads every process now, for all targets that are sought, and returns when that is done. Those who ask at about
    /// the same time share it.
    func scanAll() async {
        await withCheckedContinuation { continuation in
            let isFirst = state.withLockedValue { state in
                state.waiters.append(continuation)
                return state.waiters.count == 1
            }
            if isFirst { loop.execute { self.scanForWaiters() } }
        }
    }

    // MARK: On the loop

    private func scanForWaiters() {
        let waiters = state.withLockedValue { state in
            state.needsFullScan = true
            defer { state.waiters = [] }
            return state.waiters
        }
        scanOnce()
        for waiter in waiters { waiter.resume() }
    }

    private func scanAndArm() {
        guard state.withLockedValue({ !$0.seekers.isEmpty }) else { return }
        scanOnce()
        arm()
    }

    private func scanOnce() {
        let (sought, isFull) = state.withLockedValue { state in
            defer { state.needsFullScan = false }
            return (state.seekers.mapValues(\.text), state.needsFullScan)
        }
        let found = scan.withLockedValue { $0.run(for: sought, isFull: isFull, at: BootClock().now) }
        let hinted = state.withLockedValue { state in
            for (target, finding) in found { state.seekers[target]?.result = finding.result }
            return found.filter(\.value.isNews).compactMap { state.seekers[$0.key]?.hints }
        }
        for hints in hinted { hints.raise(.changed) }
    }

    private func arm() {
        let alarm = timer.after(Self.interval) { [weak self] in
            self?.loop.execute { self?.scanAndArm() }
        }
        let former = state.withLockedValue { state -> SharedTimer.Alarm? in
            // Nobody is missing any more.
            guard !state.seekers.isEmpty else { return alarm }
            defer { state.alarm = alarm }
            return state.alarm
        }
        withExtendedLifetime(former) {}
    }
}

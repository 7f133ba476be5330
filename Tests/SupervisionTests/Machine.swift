import Supervision
import WireProtocol

/// A machine with a clock that stands still until told, for tests that read like the story of a target.
struct Machine {
    static let boot = "boot-1"

    var machine: TargetStateMachine
    var now = BootInstant(sinceBoot: .seconds(10_000))
    /// All actions of the last event.
    var actions: [TargetStateMachine.Action] = []

    init(
        policy: RestartPolicy = .unlessStopped, backoff: Backoff = Backoff(), grace: Duration? = .zero,
        record: TargetRecord? = nil, logTail: Int = 0
    ) {
        machine = TargetStateMachine(
            target: WatchedTarget(id: TargetID(kind: .process, name: "/run/bot.pid"), agent: "bot"),
            settings: TargetSettings(policy: policy, backoff: backoff, grace: grace, logTail: logTail), record: record,
            bootID: Self.boot, seed: 1)
    }

    mutating func feed(_ event: TargetStateMachine.Event, after delay: Duration = .zero) {
        now = now.advanced(by: delay)
        actions = machine.handle(event, at: now)
    }

    mutating func sees(_ liveness: Observation.Liveness, obstacle: String? = nil, after delay: Duration = .zero) {
        feed(.observed(Observation(liveness, obstacle: obstacle)), after: delay)
    }

    mutating func seesDeath(
        of life: Int, cause: End.Cause = .unknown, deliberate: Bool = false, after delay: Duration = .zero
    ) {
        sees(.dead(End(identity: .life(life), cause: cause, isDeliberate: deliberate)), after: delay)
    }

    /// Lets time pass up to the deadline and feeds it.
    mutating func reachDeadline() {
        guard let deadline = machine.deadline else { return }
        now = max(now, deadline)
        actions = machine.handle(.deadlineReached, at: now)
    }

    /// From a planned restart to a new life that has settled.
    mutating func comeUp(as life: Int) {
        if case .backoff = machine.state { reachDeadline() }
        feed(.startPermitted)
        feed(.finished(.up(.life(life), note: nil)))
        sees(.alive(.life(life)))
        reachDeadline()
    }

    // MARK: - What came of the last event

    var performed: [TargetAction] {
        actions.compactMap { if case .perform(let action) = $0 { action } else { nil } }
    }

    var reports: [TargetReport] {
        actions.compactMap { if case .report(let report) = $0 { report } else { nil } }
    }

    var events: [HeartbeatEvent.Kind] { reports.compactMap { $0.event?.kind } }

    var results: [CommandResult.Status] {
        actions.compactMap { if case .resolve(_, let result) = $0 { result.status } else { nil } }
    }

    var resolved: [String?] {
        actions.compactMap { if case .resolve(_, let result) = $0 { result.message } else { nil } }
    }

    var gathered: [Evidence] {
        actions.compactMap { if case .gather(let evidence) = $0 { evidence } else { nil } }
    }

    var record: TargetRecord? {
        actions.compactMap { if case .persist(let record) = $0 { record } else { nil } }.last
    }

    /// In which order it acts and writes.
    var order: [String] {
        actions.compactMap { action in
            switch action {
            case .persist: "persist"
            case .perform: "perform"
            default: nil
            }
        }
    }

    var requestsStart: Bool { actions.contains(.requestStart) }
    var releasesStart: Bool { actions.contains(.releaseStart) }
}

extension Identity {
    static func life(_ number: Int) -> Identity { Identity(token: "life-\(number)", pid: Int32(number)) }
}

extension CommandTicket {
    static func restart(_ id: Int64, expires: BootInstant? = nil) -> CommandTicket {
        CommandTicket(key: CommandKey(endpoint: "e", id: id), action: .restart, expires: expires)
    }

    static func stop(_ id: Int64) -> CommandTicket {
        CommandTicket(key: CommandKey(endpoint: "e", id: id), action: .stop)
    }
}

package import Supervision

/// How one target's supervision stands at one moment.
package struct TargetSnapshot: Sendable, Hashable {
    package var state: TargetState
    /// When the life that is up began; nil when none is, or it is not known.
    package var began: BootInstant?
    package var pid: Int32?
    package var policy: RestartPolicy
    package var pause: Pause?
    /// When it is started next.
    package var due: BootInstant?

    package init(_ machine: TargetStateMachine) {
        state = TargetState(machine.state)
        began = machine.life?.began
        pid = machine.life?.pid
        policy = machine.settings.policy
        pause = machine.pause
        if case .backoff(let plan) = machine.state, machine.pause == nil { due = plan.due }
        if case .running(let since) = machine.state { began = began ?? since }
    }
}

extension TargetState {
    fileprivate init(_ state: TargetStateMachine.State) {
        self =
            switch state {
            case .running: .running
            case .starting, .interrupted: .starting
            case .backoff, .queued: .backoff
            case .operating(let operation): operation.action == .stop ? .stopping : .starting
            case .exited(.held): .stopped
            case .exited: .exited
            case .handledElsewhere: .left
            case .unseen, .undetermined: .unknown
            }
    }
}

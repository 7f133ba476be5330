import Supervision
import SystemSupport

/// Why a start did not succeed.
struct LaunchFailure: Error, Sendable, Hashable {
    var text: String
    var isPermanent = false

    var outcome: TargetActionOutcome { .failed(text, isPermanent: isPermanent) }
}

extension LaunchFailure {
    init(_ error: LaunchError, _ plan: LaunchPlan) {
        switch error.step {
        case .exec: text = "\(plan.executable) can't be executed: \(error.errno)"
        case .directory: text = "its directory \(plan.directory) can't be entered: \(error.errno)"
        case .gate, .setup: text = "it could not be started: \(error.errno)"
        }
    }
}

import Supervision
import SystemSupport

/// Why a start did not succeed.
struct LaunchFailure: Error, Sendable, Hashable {
    var text: String
    var isPermanent = false
    /// Nothing was begun, and what hinders it can go away by itself.
    var isHindrance = false

    var outcome: TargetActionOutcome { isHindrance ? .blocked(text) : .failed(text, isPermanent: isPermanent) }
}

extension LaunchFailure {
    init(_ error: LaunchError, _ plan: LaunchPlan) {
        let user = plan.ids.map { " by user \($0.user)" } ?? ""
        switch error.step {
        case .exec: text = "\(plan.executable) can't be executed\(user): \(error.errno)"
        case .directory: text = "its directory \(plan.directory) can't be entered\(user): \(error.errno)"
        case .ids: text = "its user and groups can't be taken on: \(error.errno)"
        case .gate, .setup: text = "it could not be started: \(error.errno)"
        }
    }
}

import Supervision
import SystemPackage
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
    /// - Parameters:
    ///   - error: why there is no new process, or why it can't be told whether there may be one. A shortage passes, and
    ///     is always told in the same words.
    ///   - passes: that it passes is known, whatever it is.
    init(_ text: String, _ error: Errno, passes: Bool = false) {
        switch error {
        case .tooManyOpenFiles, .tooManyOpenFilesInSystem:
            self.init(text: "the runner has no file descriptor left", isHindrance: true)
        default: self.init(text: "\(text): \(error)", isHindrance: passes || error.isShortage)
        }
    }

    init(_ error: LaunchError, _ plan: LaunchPlan) {
        let user = plan.ids.map { " by user \($0.user)" } ?? ""
        switch error.step {
        case .exec: text = "\(plan.executable) can't be executed\(user): \(error.errno)"
        case .directory: text = "its directory \(plan.directory) can't be entered\(user): \(error.errno)"
        case .ids: text = "its user and groups can't be taken on: \(error.errno)"
        case .gate, .setup: text = "it could not be started: \(error.errno)"
        }
        // Its end was seen to: nothing of it runs.
        isHindrance = error.errno.isShortage
    }
}

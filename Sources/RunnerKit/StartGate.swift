import NIOConcurrencyHelpers
package import Supervision

/// Hands out the host's start permits to targets, in the order they asked.
package final class StartGate: Sendable {
    private let limiter: NIOLockedValueBox<StartLimiter<TargetID>>
    private let permit: @Sendable (TargetID) -> Void

    /// - Parameter permit: tells a target that it may start; called at once or after another's release.
    package init(capacity: Int, permit: @escaping @Sendable (TargetID) -> Void) {
        limiter = NIOLockedValueBox(StartLimiter(capacity: capacity))
        self.permit = permit
    }

    package func request(_ target: TargetID) {
        if limiter.withLockedValue({ $0.request(target) }) { permit(target) }
    }

    package func release(_ target: TargetID) {
        if let next = limiter.withLockedValue({ $0.release(target) }) { permit(next) }
    }
}

package import Supervision
package import WatcherAPI

/// A target that a conformance suite may do anything to. It does not exist when the suite begins.
package protocol WatcherConformanceTarget: Sendable {
    var id: TargetID { get }
    var watcher: any Watcher & TargetController { get }

    /// Somebody starts it, or starts it again. Returns when it runs.
    func start() async throws
    /// It dies, and nobody wanted that.
    func crash() async throws
    /// Somebody stops it in the way that is right for its kind.
    func stopInOrder() async throws
    /// Takes away all that there is of it, also what a watcher has started. Called at the end, too.
    func remove() async throws
}

import NIOConcurrencyHelpers
import Supervision
import SystemSupport

/// Which process is whose: the lives of all process targets, and the children that the runner made for them.
final class ClaimedProcesses: Sendable {
    private struct State {
        var lives: [TargetID: ProcessIdentity] = [:]
        var children: [ProcessIdentity: Child] = [:]
    }

    private struct Child {
        var handle: ProcessHandle
        var exit: ProcessExitEvent
    }

    private let loop: EventLoop
    private let state = NIOLockedValueBox(State())

    init(loop: EventLoop) {
        self.loop = loop
    }

    func claim(_ life: ProcessIdentity?, for target: TargetID) {
        state.withLockedValue { $0.lives[target] = life }
    }

    /// The lives of all targets but one.
    func lives(besides target: TargetID) -> Set<ProcessIdentity> {
        state.withLockedValue { state in Set(state.lives.filter { $0.key != target }.values) }
    }

    /// The other target whose life this is.
    func owner(of life: ProcessIdentity, besides target: TargetID) -> TargetID? {
        state.withLockedValue { state in state.lives.first { $0.value == life && $0.key != target }?.key }
    }

    /// Sees to it that a child leaves no zombie, whether or not its target is still observed when it ends.
    func adopt(_ handle: ProcessHandle, as identity: ProcessIdentity) {
        let exit: ProcessExitEvent
        do {
            exit = try ProcessExitEvent(of: handle, on: loop) { [weak self] in
                // The handle keeps what the kernel told, for its target to ask.
                _ = handle.reap()
                self?.forget(identity)
            }
        } catch {
            // Out of memory or of places: then its target alone collects it.
            return
        }
        state.withLockedValue { $0.children[identity] = Child(handle: handle, exit: exit) }
        // It may have ended before it was entered.
        if case .running = handle.reap() { return }
        forget(identity)
    }

    /// The handle of a child of ours that has not ended.
    func child(_ identity: ProcessIdentity) -> ProcessHandle? {
        state.withLockedValue { $0.children[identity]?.handle }
    }

    private func forget(_ identity: ProcessIdentity) {
        let child = state.withLockedValue { $0.children.removeValue(forKey: identity) }
        withExtendedLifetime(child) {}
    }
}

import ProcessWatcher
import Supervision
import SystemSupport
import SystemdSupport
import SystemdWatcher
import WatcherAPI

/// The watchers this program was built with: the one place that names them.
///
/// - Parameter loop: for what they wait for.
func makeBuiltInRegistry(openFileLimit: OpenFileLimit, loop: EventLoop) -> WatcherRegistry {
    var registry = WatcherRegistry()
    registry.register(.process) {
        try ProcessWatcher($0, openFileLimit: openFileLimit, launcher: Host.processLauncher, loop: loop)
    }
    registry.register(.systemd) {
        SystemdWatcher($0, scope: $0.options.systemdScope == .user ? .user : .system, loop: loop)
    }
    return registry
}

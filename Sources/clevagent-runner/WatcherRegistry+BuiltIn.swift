import ProcessWatcher
import Supervision
import SystemSupport
import SystemdSupport
import WatcherAPI

/// The watchers this program was built with: the one place that names them.
func makeBuiltInRegistry(openFileLimit: OpenFileLimit) -> WatcherRegistry {
    var registry = WatcherRegistry()
    registry.register(.process) {
        try ProcessWatcher($0, openFileLimit: openFileLimit, launcher: Host.processLauncher)
    }
    return registry
}

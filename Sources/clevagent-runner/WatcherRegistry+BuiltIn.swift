import ProcessWatcher
import WatcherAPI

/// The watchers this program was built with: the one place that names them.
func makeBuiltInRegistry() -> WatcherRegistry {
    var registry = WatcherRegistry()
    registry.register(.process) { try await ProcessWatcher.make($0) }
    return registry
}

import DockerWatcher
import ProcessWatcher
import RunnerKit
import Supervision
import SystemSupport
import SystemdSupport
import SystemdWatcher
import WatcherAPI

/// The kinds of target that this program can watch.
let builtInKinds: [WatcherKind] = [.docker, .process, .systemd]

/// The watchers this program was built with: the one place that names them.
///
/// - Parameter loop: for what they wait for.
func makeBuiltInRegistry(
    _ configuration: RunnerConfiguration, openFileLimit: OpenFileLimit, loop: EventLoop
) -> WatcherRegistry {
    var registry = WatcherRegistry()
    registry.register(.docker) {
        DockerWatcher($0, program: configuration.dockerCommand, environment: Host.environment, loop: loop)
    }
    registry.register(.process) {
        try ProcessWatcher($0, openFileLimit: openFileLimit, launcher: Host.processLauncher, loop: loop)
    }
    registry.register(.systemd) {
        try SystemdWatcher($0, scope: configuration.systemdScope == .user ? .user : .system, loop: loop)
    }
    return registry
}

import DockerWatcher
import ProcessWatcher
import RunnerKit
import Supervision
import SystemSupport
import SystemdSupport
import SystemdWatcher
import WatcherAPI

#if os(macOS)
    import Darwin
    import LaunchdWatcher

    /// The kinds of target that this program can watch.
    let builtInKinds: [WatcherKind] = [.docker, .launchd, .process]
#else
    /// The kinds of target that this program can watch.
    let builtInKinds: [WatcherKind] = [.docker, .process, .systemd]
#endif

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
    #if os(macOS)
        registry.register(.launchd) {
            let commands = ProcessCommandRunner(on: loop)
            return LaunchdWatcher(
                $0, launchctl: Launchctl(commands: commands, clock: BootClock(sleepingOn: loop)),
                ends: KernelProcessEnds(on: loop), user: geteuid(), loop: loop)
        }
    #else
        registry.register(.systemd) {
            try SystemdWatcher($0, scope: configuration.systemdScope == .user ? .user : .system, loop: loop)
        }
    #endif
    return registry
}

package import Logging
package import NIOCore
import ServerLink
package import ServiceLifecycle
package import ServiceNotification
package import Supervision
import SystemSupport
package import WatcherAPI
package import WireProtocol

/// Puts the parts of the runner together and runs them until it is told to stop.
package struct Runner<C: Clock>: Sendable where C.Instant == BootInstant {
    /// What the runner takes from the host it runs on.
    package struct Host: Sendable {
        package var name: String
        package var bootID: String
        package var cores: Int

        package init(name: String, bootID: String, cores: Int) {
            self.name = name
            self.bootID = bootID
            self.cores = cores
        }
    }

    package static var version: String { "0.1.0" }

    private let configuration: RunnerConfiguration
    private let registry: WatcherRegistry
    private let state: StateDirectory
    private let identity: StateDirectory.Identity
    private let host: Host
    private let group: any EventLoopGroup
    private let stops: AsyncStream<Void>
    private let serviceManager: ServiceNotification?
    private let read: Reloader<C>.Reading
    private let reloads: AsyncStream<Void>
    private let surfaces: @Sendable (OperatorDesk<C>) -> [any Service]
    private let clock: C
    private let civilTime: @Sendable () -> WireTime
    private let logger: Logger

    /// - Parameters:
    ///   - group: serves the connections to the server.
    ///   - stops: says when to stop, by its first element.
    ///   - reloads: says when to read the settings again, and `read` does it.
    ///   - serviceManager: is told how the runner is.
    ///   - surfaces: makes what answers operators.
    package init(
        configuration: RunnerConfiguration, registry: WatcherRegistry, state: StateDirectory,
        identity: StateDirectory.Identity, host: Host, group: any EventLoopGroup, stops: AsyncStream<Void>,
        reloads: AsyncStream<Void>, read: @escaping Reloader<C>.Reading, serviceManager: ServiceNotification?, clock: C,
        civilTime: @escaping @Sendable () -> WireTime,
        logger: Logger, surfaces: @escaping @Sendable (OperatorDesk<C>) -> [any Service] = { _ in [] }
    ) {
        self.surfaces = surfaces
        self.reloads = reloads
        self.read = read
        self.configuration = configuration
        self.registry = registry
        self.state = state
        self.identity = identity
        self.host = host
        self.group = group
        self.stops = stops
        self.serviceManager = serviceManager
        self.clock = clock
        self.civilTime = civilTime
        self.logger = logger
    }

    /// Supervises until it is to stop, finishes what is in hand, says goodbye.
    package func run() async throws {
        let transport = HTTPServerTransport(
            configuration: .init(
                endpoint: configuration.endpoint, apiKey: configuration.apiKey, runnerID: identity.id,
                userAgent: "clevagent-runner/\(Self.version)", trustRoots: configuration.trustRoots,
                proxy: configuration.proxy),
            group: group, clock: clock)
        let parts = await RunnerServices(
            .init(
                assignments: configuration.assignments(),
                endpoint: configuration.endpoint, interval: configuration.interval,
                runner: RunnerInfo(
                    id: identity.id, hostname: host.name, version: Self.version, bootID: host.bootID),
                bootID: host.bootID, capacity: 2 * host.cores, isCopy: identity.isCopy),
            storage: JournalFile(state.journal), executor: state.executor, transport: transport,
            watchers: await watchers(), clock: clock, civilTime: civilTime, logger: logger, caughtUp: Footprint.trim
        ) { .random(in: 0 ... .max) }
        let reloader = Reloader<C>(
            configuration, read: read,
            apply: { await parts.apply($0.assignments(), interval: $0.interval) }, civilTime: civilTime, logger: logger)
        parts.operatorDesk.answer(with: reloader)
        // The way to the server goes last.
        let services: [any Service] = [transport] + parts.all + surfaces(parts.operatorDesk) + notifier(parts)
        var quiet = logger
        // Below that it writes down every service with all that it holds.
        quiet.logLevel = max(logger.logLevel, .notice)
        var settings = ServiceGroupConfiguration(services: services.map { .init(service: $0) }, logger: quiet)
        settings.maximumGracefulShutdownDuration = .seconds(60)
        let all = ServiceGroup(configuration: settings)
        if let proxy = configuration.proxy {
            logger.notice("The server is reached through a proxy", metadata: ["proxy": "\(proxy)"])
        }
        logger.notice(
            "Runner started",
            metadata: [
                "version": "\(Self.version)", "runner.id": "\(identity.id)", "endpoint": "\(configuration.endpoint)",
                "targets": "\(configuration.targets.count)", "state": "\(state.path)",
            ])
        async let _ = keepSmall()
        async let _ = stop(all)
        async let _ = reload(reloader)
        try await all.run()
        await parts.finish()
        logger.notice("Runner stopped")
    }

    /// How long the service manager waits for a server that does not answer.
    private static var readyPatience: Duration { .seconds(10) }

    private func notifier(_ parts: RunnerServices<C>) -> [any Service] {
        guard let serviceManager else { return [] }
        let count = configuration.targets.count
        return [
            ServiceNotifier(
                serviceManager, clock: clock, logger: logger,
                waitUntilReady: {
                    await parts.waitUntilReady(atMost: Self.readyPatience)
                    return "Watching \(count) target\(count == 1 ? "" : "s")"
                }, hanging: parts.hangingPart)
        ]
    }

    private func stop(_ services: ServiceGroup) async {
        for await _ in stops { await services.triggerGracefulShutdown() }
    }

    private func reload(_ reloader: Reloader<C>) async {
        for await _ in reloads { _ = await reloader.reload() }
    }

    /// Gives back what starting up took, and later what bursts took, until cancelled.
    private func keepSmall() async {
        var pause = Duration.seconds(10)
        while (try? await clock.sleep(until: clock.now.advanced(by: pause), tolerance: nil)) != nil {
            Footprint.trim()
            pause = .seconds(600)
        }
    }

    private func watchers() async -> WatcherSet {
        var watchers: [WatcherKind: any Watcher & TargetController] = [:]
        for (kind, settings) in configuration.targetsByKind { watchers[kind] = await watcher(kind, settings) }
        return WatcherSet(watchers, for: configuration.targetsByKind, make: watcher)
    }

    private func watcher(
        _ kind: WatcherKind, _ settings: [TargetID: TargetSettings]
    ) async -> any Watcher & TargetController {
        var logger = self.logger
        logger[metadataKey: "watcher.kind"] = "\(kind.rawValue)"
        let make: LateWatcher<C>.Factory = { [registry, state, logger] targets in
            let context = WatcherContext(targets: targets, memory: state, logger: logger)
            guard let watcher = try await registry.make(kind, context) else { throw NoSuchWatcher() }
            return watcher
        }
        do {
            return try await make(settings)
        } catch {
            return LateWatcher(kind, settings, error: error, clock: clock, logger: logger, make: make)
        }
    }
}

extension RunnerConfiguration {
    fileprivate func assignments<C: Clock>() -> [Supervisor<C>.Assignment] where C.Instant == BootInstant {
        targets.map { .init(target: $0.target, settings: $0.settings) }
    }
}

/// Not met: a configuration has only targets of kinds that are there.
private struct NoSuchWatcher: Error, CustomStringConvertible {
    var description: String { "this program has no such watcher" }
}

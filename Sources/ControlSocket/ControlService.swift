import HummingbirdCore
package import Logging
package import NIOCore
package import RunnerKit
import ServiceLifecycle
package import Supervision
package import SystemPackage
import SystemSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Answers operators of this host on a Unix socket: whoever may connect may look, and few may act.
///
/// The supervision does not depend on it: what is wrong with the socket is told, and the runner goes on without.
package struct ControlService<C: Clock>: Service where C.Instant == BootInstant {
    package struct Configuration: Sendable {
        package var path: FilePath
        /// The group that may look: it gets the socket. Nil for the runner's user alone, and root.
        package var readingGroup: UInt32?
        /// The group that may act.
        package var actingGroup: UInt32?

        package init(path: FilePath, readingGroup: UInt32?, actingGroup: UInt32?) {
            self.path = path
            self.readingGroup = readingGroup
            self.actingGroup = actingGroup
        }
    }

    /// More at once wait for each other.
    private static var connections: Int { 64 }

    private let configuration: Configuration
    private let desk: OperatorDesk<C>
    private let group: any EventLoopGroup
    private let logger: Logger

    package init(
        _ configuration: Configuration, desk: OperatorDesk<C>, group: any EventLoopGroup, logger: Logger
    ) {
        self.configuration = configuration
        self.desk = desk
        self.group = group
        self.logger = logger
    }

    package func run() async throws {
        do {
            try SocketFile.clear(configuration.path)
            let routes = ControlRoutes(
                desk: desk, actingGroup: configuration.actingGroup, runnerUser: geteuid(), logger: logger)
            var quiet = logger
            quiet.logLevel = max(logger.logLevel, .notice)
            let server = try HTTPServerBuilder.http1(configuration: .init(idleTimeout: .seconds(60))).buildServer(
                configuration: ServerConfiguration(
                    address: .unixDomainSocket(path: configuration.path.string), backlog: Self.connections,
                    availableConnectionsDelegate: MaximumAvailableConnections(Self.connections)),
                eventLoopGroup: group, logger: quiet,
                responder: { try await routes.respond($0, $1, $2) },
                onServerRunning: { _ in self.opened() })
            try await server.run()
            unlink(configuration.path.string)
        } catch {
            logger.warning(
                "The control socket can't be had; the runner goes on without",
                metadata: ["path": "\(configuration.path)", "error": "\(error)"])
            try? await gracefulShutdown()
        }
    }

    private func opened() {
        do {
            try SocketFile.open(configuration.path, to: configuration.readingGroup)
        } catch {
            logger.warning(
                "Only the runner's own user and root can use the control socket",
                metadata: ["path": "\(configuration.path)", "error": "\(error)"])
        }
    }
}

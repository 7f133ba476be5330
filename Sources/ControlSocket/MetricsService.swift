import HTTPTypes
import HummingbirdCore
package import Logging
package import NIOCore
package import RunnerKit
import ServiceLifecycle
package import Supervision

/// Answers `GET /metrics` for Prometheus on a TCP port, to whoever can reach it.
///
/// The supervision does not depend on it: what is wrong with the port is told, and the runner goes on without.
package struct MetricsService<C: Clock>: Service where C.Instant == BootInstant {
    /// More at once wait for each other.
    private static var connections: Int { 16 }

    private let address: MetricsAddress
    private let desk: OperatorDesk<C>
    private let group: any EventLoopGroup
    private let logger: Logger

    package init(_ address: MetricsAddress, desk: OperatorDesk<C>, group: any EventLoopGroup, logger: Logger) {
        self.address = address
        self.desk = desk
        self.group = group
        self.logger = logger
    }

    package func run() async throws {
        do {
            var quiet = logger
            quiet.logLevel = max(logger.logLevel, .notice)
            let server = try HTTPServerBuilder.http1(configuration: .init(idleTimeout: .seconds(60))).buildServer(
                configuration: ServerConfiguration(
                    address: .hostname(address.host, port: address.port), backlog: Self.connections,
                    availableConnectionsDelegate: MaximumAvailableConnections(Self.connections)),
                eventLoopGroup: group, logger: quiet,
                responder: { request, writer, _ in try await respond(request, writer) },
                onServerRunning: { channel in
                    logger.notice(
                        "Metrics are served", metadata: ["port": "\(channel.localAddress?.port ?? address.port)"])
                })
            try await server.run()
        } catch {
            logger.warning(
                "Metrics can't be served; the runner goes on without",
                metadata: ["address": "\(address)", "error": "\(error)"])
            try? await gracefulShutdown()
        }
    }

    @concurrent
    private func respond(_ request: Request, _ writer: consuming ResponseWriter) async throws {
        guard request.uri.path == "/metrics", request.method == .get || request.method == .head else {
            return try await ControlAnswer.error(.notFound, "no_such_path", "there is only GET /metrics")
                .write(to: writer)
        }
        let body = [UInt8](await desk.metrics().utf8)
        let head = HTTPResponse(
            status: .ok,
            headerFields: [.contentType: "text/plain; version=0.0.4; charset=utf-8", .contentLength: "\(body.count)"])
        var out = try await writer.writeHead(head)
        if request.method == .get { try await out.write(ByteBuffer(bytes: body)) }
        try await out.finish(nil)
    }
}

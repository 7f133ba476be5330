import FoundationEssentials
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import ProgramLog
import ServerDomain
import ServerHTTP
import ServiceLifecycle
import ServiceNotification
import StoreSQLite
import UnixSignals
import WireProtocol

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// One run of the server: opens the store, serves, ends in good order.
struct ServerProcess {
    private let configuration: ServingConfiguration

    init(_ configuration: ServingConfiguration) { self.configuration = configuration }

    func run() async throws {
        let log = LogOutput(
            program: "clevagent-server",
            format: LogFormat(configuration.logFormat, environment: ProcessInfo.processInfo.environment))
        defer { log.flush(within: .seconds(1)) }
        let logger = makeLogger(log)
        let builder = try server()
        let directory = try StateDirectory(making: configuration.stateDirectory)
        let lock = try StoreLock(databasePath: configuration.databasePath)
        let store = try SQLiteStore(path: configuration.databasePath)
        let clock = ServerClock.system()
        let installation = Installation(store: store, directory: directory)
        let first = try await installation.prepare(at: clock.now().wall)
        let fleet = try await FleetService(repository: store, clock: clock, logger: logger)
        let address = ServedAddress(configuration)
        let router = try Router.server(
            ServerParts(
                fleet: fleet, keys: store, events: store, sessions: store, clock: clock,
                limit: configuration.requestsPerMinute.map(RateLimit.init(perMinute:)), site: address.site))
        let (listening, listens) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingNewest(1))
        let app = Application(
            router: router, server: builder,
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.listen.host, port: configuration.listen.port),
                serverName: nil, backlog: 1024),
            services: [fleet],
            onServerRunning: { channel in
                let bound = channel.localAddress?.port ?? configuration.listen.port
                let url = address.url(port: bound)
                logger.notice(
                    "Listening",
                    metadata: ["address": "\(address.listening(port: bound))", "url": "\(url)"])
                await installation.welcome(first, url: url, clock: clock, logger: logger)
                listens.yield(url)
            },
            logger: logger)
        try await serve([app] + notifier(listening, fleet, logger), logger)
        withExtendedLifetime(lock) {}
    }

    /// Tells the service manager, if there is one, when the server listens, and as long as it takes turns.
    private func notifier(_ listening: AsyncStream<String>, _ fleet: FleetService, _ logger: Logger) -> [any Service] {
        let environment = ProcessInfo.processInfo.environment
        guard let manager = ServiceNotification(environment: environment, processID: getpid()) else { return [] }
        return [
            ServiceNotifier(manager, clock: SuspendingClock(), logger: logger) {
                for await url in listening { return "Listening at \(url)" }
                return "Stopping"
            } hanging: {
                // Each thread of the connections, and who decides.
                for loop in MultiThreadedEventLoopGroup.singleton.makeIterator() { try? await loop.submit {}.get() }
                _ = await fleet.waiting
                return nil
            }
        ]
    }

    private func serve(_ services: [any Service], _ logger: Logger) async throws {
        var group = ServiceGroupConfiguration(
            services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        group.maximumGracefulShutdownDuration = .seconds(10)
        do {
            try await ServiceGroup(configuration: group).run()
        } catch let error as IOError {
            throw Failure.Line(text: Self.explain(error, configuration.listen))
        } catch is SocketAddressError.UnknownHost {
            throw Failure.Line(text: "--listen: “\(configuration.listen.text)” names a host that is not known here")
        } catch let error as SocketAddressError {
            throw Failure.Line(text: "--listen: “\(configuration.listen.text)” cannot be served on: \(error)")
        }
    }

    private static func explain(_ error: IOError, _ listen: ListenAddress) -> String {
        let what = "--listen: “\(listen.text)” cannot be served on: "
        switch error.errnoCode {
        case EADDRINUSE: return what + "another program uses this port; stop it or choose another one"
        case EACCES: return what + "ports below 1024 need more rights; choose another one"
        case EADDRNOTAVAIL: return what + "this host does not have that address"
        default: return what + error.description
        }
    }

    private func makeLogger(_ log: LogOutput) -> Logger {
        var logger = Logger(label: "clevagent-server") { OutputLogHandler(label: $0, output: log) }
        logger.logLevel = Logger.Level(rawValue: configuration.logLevel) ?? .notice
        return logger
    }

    private func server() throws -> HTTPServerBuilder {
        let base = HTTPServerBuilder.http1(
            configuration: .init(
                additionalChannelHandlers: [ClientDepartureHandler(), BadRequestHandler()], idleTimeout: .seconds(120)))
        guard let tls = configuration.tls else { return base }
        var settings: TLSConfiguration
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(tls.certificate).map {
                NIOSSLCertificateSource.certificate($0)
            }
            settings = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain, privateKey: .privateKey(try NIOSSLPrivateKey(file: tls.key, format: .pem)))
            settings.minimumTLSVersion = .tlsv12
            settings.applicationProtocols = ["http/1.1"]
            return try .tls(base, tlsConfiguration: settings)
        } catch {
            throw Failure.Line(
                text: "--tls-cert “\(tls.certificate)”, --tls-key “\(tls.key)”: not a certificate chain and its key in "
                    + "PEM form: \(error)")
        }
    }
}

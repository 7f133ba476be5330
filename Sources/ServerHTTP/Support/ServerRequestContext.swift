package import Hummingbird
import NIOCore

/// What travels with a request through the router.
package struct ServerRequestContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    private let channel: any Channel

    package init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }

    /// Runs `body`, which is cancelled when nobody waits for the answer any more.
    func whileClientWaits<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let work = Task { try await body() }
        ClientDepartureHandler.onDeparture(from: channel) { work.cancel() }
        defer { ClientDepartureHandler.onDeparture(from: channel, nil) }
        return try await withTaskCancellationHandler {
            try await work.value
        } onCancel: {
            work.cancel()
        }
    }
}

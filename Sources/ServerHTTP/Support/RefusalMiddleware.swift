import Hummingbird
import Logging
import NIOHTTP1
import WireProtocol

/// Turns every error into the one shape that the protocol knows.
struct RefusalMiddleware: RouterMiddleware {
    typealias Context = ServerRequestContext

    @concurrent
    func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPParserError {
            // The connection cannot be understood any more; the framework answers 400 and closes it.
            throw error
        } catch {
            if let refusal = APIRefusal(error) {
                return try JSONBody.response(refusal.body, status: refusal.status, headers: refusal.headers)
            }
            context.logger.error("Request failed", metadata: ["error": "\(error)", "path": "\(request.uri.path)"])
            return try JSONBody.response(
                APIError(detail: "Internal server error"), status: .internalServerError, headers: [:])
        }
    }
}

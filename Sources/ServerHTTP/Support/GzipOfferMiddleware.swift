import HTTPTypes
import Hummingbird

/// Tells runners with every answer that they may send gzip (RFC 7694).
struct GzipOfferMiddleware: RouterMiddleware {
    typealias Context = ServerRequestContext

    @concurrent
    func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        if request.headers[.runnerID] != nil { response.headers[.acceptEncoding] = "gzip" }
        return response
    }
}

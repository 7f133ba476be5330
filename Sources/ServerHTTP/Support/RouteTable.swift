import HTTPTypes
import Hummingbird

/// The routes of the server; a known path with another method answers 405 and says which ones there are.
struct RouteTable {
    typealias Handler = @Sendable (Request, ServerRequestContext) async throws -> Response

    private var handlers: [String: [HTTPRequest.Method: Handler]] = [:]
    private var order: [String] = []

    /// Adds one route.
    mutating func on(_ method: HTTPRequest.Method, _ path: String, _ handler: @escaping Handler) {
        if handlers[path] == nil { order.append(path) }
        precondition(handlers[path]?[method] == nil, "\(method) \(path) is there already")
        handlers[path, default: [:]][method] = handler
    }

    /// Registers everything with a router.
    func register(with router: Router<ServerRequestContext>) {
        for path in order {
            let known = handlers[path] ?? [:]
            for (method, handler) in known { router.on(RouterPath(path), method: method, use: handler) }
            let names = known.keys.map(\.rawValue).sorted().joined(separator: ", ")
            for method in Self.methods where known[method] == nil && !(method == .head && known[.get] != nil) {
                router.on(RouterPath(path), method: method) { _, _ -> Response in
                    throw APIRefusal(
                        .methodNotAllowed, "Method not allowed; there is \(names)", headers: [.allow: names])
                }
            }
        }
    }

    private static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options, .trace]
}

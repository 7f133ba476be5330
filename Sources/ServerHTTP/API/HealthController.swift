import Hummingbird

/// Says that the server answers; for load balancers and start scripts, without a key.
struct HealthController: Sendable {
    func addRoutes(to table: inout RouteTable) {
        table.on(.get, "/healthz") { _, _ in try JSONBody.response(Answer()) }
    }

    private struct Answer: Encodable {
        var ok = true
        var status = "ok"
    }
}

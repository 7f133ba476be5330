/// Names that both sides of the protocol must spell alike.
package enum WireHeader {
    package static let apiKey = "X-API-Key"
    package static let runnerID = "X-Runner-Id"
}

/// Paths of the protocol, below the endpoint.
package enum WirePath {
    package static let base = "/api/v1"
    package static let heartbeat = base + "/heartbeat"
    package static let batch = base + "/heartbeat/batch"
    package static let commands = base + "/commands"

    /// Where the result of one command goes.
    package static func result(of id: Int64) -> String { "\(commands)/\(id)/result" }
}

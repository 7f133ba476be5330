import TestSupport

/// Containers of a private engine, with a bare `docker events` beside them.
struct Containers: Sendable {
    let docker: PrivateDocker
    let names: [String]
    let events: BareEvents

    /// Starts them.
    init(count: Int, on docker: PrivateDocker) async throws {
        self.docker = docker
        names = (1...count).map { "bot-\($0)" }
        for name in names { try await docker.start(name) }
        events = try BareEvents(of: docker)
    }

    /// Ends the stream of events; the containers end with their engine.
    func end() async { await events.end() }
}

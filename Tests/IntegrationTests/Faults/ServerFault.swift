import TestSupport

#if canImport(Glibc)
    import Glibc
#endif

/// Something that is wrong with the server, or with the way to it, for a while.
struct ServerFault: Sendable {
    typealias Step = @Sendable (FaultWorld) async throws -> Void

    var name: String
    var begin: Step
    var end: Step
    /// What the runner says of it.
    var words: String
    /// Whether requests get as far as the stub.
    var isReached = true

    /// An answer that every request gets.
    static func answer(_ name: String, _ answer: StubServer.Answer, _ words: String) -> Self {
        Self(
            name: name,
            begin: { world in
                world.proxy.script(.any, always: answer)
                await world.proxy.cutConnections()
            },
            end: { world in
                world.proxy.clearScript()
                await world.proxy.cutConnections()
            }, words: words)
    }

    /// All that needs no certificates, privileges or second server.
    static let simple: [ServerFault] = [
        // First, because it takes a minute.
        answer("wrong key", .refusal(401, "Invalid API key"), "HTTP 401: Invalid API key; give the key of this server"),
        Self(
            name: "killed", begin: { await $0.server.kill() }, end: { try await $0.restartServer() },
            words: "the server closed the connection without an answer"),
        Self(
            name: "stopped", begin: { $0.server.process.signal(SIGSTOP) },
            end: { $0.server.process.signal(SIGCONT) }, words: "no answer in time"),
        Self(
            name: "refusing", begin: { try await $0.proxy.goAway() }, end: { try await $0.proxy.comeBack() },
            words: "connection refused: nothing listens there", isReached: false),
        answer("hung", .hang, "no answer in time"),
        answer("cut", .cut(after: 20), "the server closed the connection without an answer"),
        answer("closed, after it was taken", .close.afterEffect, "the server closed the connection without an answer"),
        answer("half closed", .halfClose, "the server closed the connection without an answer"),
        answer(
            "half closed, after it was taken", .halfClose.afterEffect,
            "the server closed the connection without an answer"),
        answer("garbage", .raw(Array("no http\r\n\r\n".utf8)).afterEffect, "the answer is no HTTP"),
        answer("a web page", .html().afterEffect, "without a JSON object in the answer: is this a ClevAgent server?"),
        answer("more than it may send", .huge().afterEffect, "without a JSON object in the answer"),
        answer("failing", .refusal(500, "Internal Server Error").afterEffect, "HTTP 500: Internal Server Error"),
        answer("overloaded", .refusal(503, "Busy"), "HTTP 503: Busy"),
    ]
}

import FoundationEssentials
package import NIOCore
package import ServerLink
package import Supervision
import WireProtocol

/// Asks the server once whether it takes the key.
package enum ServerProbe {
    private static let patience = Duration.seconds(10)

    /// Asks, as a runner that nobody knows and that has no targets: so there is nothing that it could take away.
    package static func row<C: Clock>(
        _ configuration: RunnerConfiguration, group: any EventLoopGroup, clock: C
    ) async -> CheckReport.Row where C.Instant == BootInstant {
        let transport = HTTPServerTransport(
            configuration: .init(
                endpoint: configuration.endpoint, apiKey: configuration.apiKey,
                runnerID: UUID().uuidString.lowercased(), userAgent: "clevagent-runner/\(Runner<C>.version) check",
                trustRoots: configuration.trustRoots, proxy: configuration.proxy), group: group, clock: clock)
        // What a key must allow to runners; one that only takes heartbeats in may not read the status.
        let reply = await transport.send(ServerRequest(.get, WirePath.commands, timeLimit: patience))
        await transport.close()
        return row(reply, endpoint: configuration.endpoint)
    }

    private static func advice(for words: String) -> String {
        if words.hasPrefix("TLS: ") {
            return "`openssl s_client -connect HOST:PORT` shows what the server says of itself"
        }
        if words.hasPrefix("the proxy ") {
            return "see whether HTTPS_PROXY or HTTP_PROXY names the proxy, and whether that lets this host through; "
                + "NO_PROXY lists what is reached without it"
        }
        return "see whether --endpoint names the server, and whether that runs"
    }

    /// Says what the reply means.
    package static func row(_ reply: ServerReply, endpoint: String) -> CheckReport.Row {
        var row = CheckReport.Row(target: endpoint, state: "unknown", ok: false)
        if case .answer(200..<300, _, let body?) = reply, body.first(where: { $0 > 0x20 }) == UInt8(ascii: "[") {
            (row.state, row.detail, row.ok) = ("ok", "the server takes the key", true)
            return row
        }
        switch ReplyVerdict(reply) {
        case .unauthorized(let words):
            (row.state, row.detail) = ("wrong key", words)
            row.advice = ReplyVerdict.keyAdvice
        case .later(let words, _):
            if case .unreachable = reply { row.state = "unreachable" } else { row.state = "refused" }
            row.detail = words
            row.advice = advice(for: words)
        case .taken:
            row.detail = "the answer is no list of commands: is this a ClevAgent server?"
            row.advice = "see whether --endpoint names the server"
        case .refused(let words), .unknownPath(let words, _):
            (row.state, row.detail) = ("refused", words)
            row.advice = "see whether --endpoint names the server: the URL before /api/v1"
        }
        return row
    }
}

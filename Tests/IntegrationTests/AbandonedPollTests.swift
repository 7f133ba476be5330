import FoundationEssentials
import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing
import WireProtocol

/// A poll whose client is gone is handed no command: that would wait for its lease to end.
@Suite(.timeLimit(.minutes(1))) struct AbandonedPollTests {
    @Test(arguments: ["runner-1", nil]) func theNextPollGetsTheCommandAtOnce(runner: String?) async throws {
        try await withAgentDirectory { directory in
            try await BuiltServer.run(in: directory.path + "/state") { server in
                _ = try await server.send(
                    .POST, "/heartbeat",
                    #"{"agent": "bot", "restart_type": "docker", "restart_target": "bot", "interval": 30}"#,
                    runner: runner)
                let id = try #require(try await server.agentID("bot"))
                try await abandonPoll(of: runner, at: server)
                let queued = try await server.send(.POST, "/agents/\(id)/commands", #"{"action": "restart"}"#)
                #expect(queued.status == 202, "\(String(decoding: queued.body, as: UTF8.self))")
                let offered = try await server.send(.GET, "/commands?wait=1", runner: runner)
                #expect(String(decoding: offered.body, as: UTF8.self).contains("restart"))
            }
        }
    }

    /// Asks for commands on a connection of its own, and closes its side of that. Returns when the server has closed its own.
    private func abandonPoll(of runner: String?, at server: BuiltServer) async throws {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "127.0.0.1", port: server.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
                }
            }
        let name = runner.map { "\(WireHeader.runnerID): \($0)\r\n" } ?? ""
        func poll(seconds: Int) -> ByteBuffer {
            ByteBuffer(
                string: "GET \(WirePath.base)/commands?wait=\(seconds) HTTP/1.1\r\nHost: localhost\r\n"
                    + "\(WireHeader.apiKey): \(server.key)\r\n\(name)\r\n")
        }
        try await channel.executeThenClose { inbound, outbound in
            // As long as the suite may take: held to its end, it would not pass.
            try await outbound.write(poll(seconds: WireLimits.longPollSeconds))
            outbound.finish()
            for try await _ in inbound {}
        }
    }
}

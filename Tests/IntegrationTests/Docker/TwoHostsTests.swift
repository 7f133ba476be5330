import FoundationEssentials
import NIOHTTP1
import TestSupport
import Testing

/// Two engines stand for two hosts: each has a container of one name, and a runner with one and the same key.
@Suite(.serialized, .needsDocker, .timeLimit(.minutes(3))) struct TwoHostsTests {
    private struct Host {
        var docker: PrivateDocker
        var runner: ChildProcess
        /// By which the server tells it from others.
        var id: String
    }

    private struct Status: Decodable {
        struct Agent: Decodable {
            struct Instance: Decodable {
                var runnerID: String?
                var status: String

                private enum CodingKeys: String, CodingKey {
                    case status
                    case runnerID = "runner_id"
                }
            }
            var agent: String
            var instances: [Instance]
        }
        var agents: [Agent]
    }

    @Test func eachCarriesOutItsOwnCommandsAndIsToldApart() async throws {
        try await withTwoHosts { server, proxy, hosts in
            let id = try #require(try await server.agentID("bot"))
            let path = "/agents/\(id)/commands"
            // Nobody guesses which of the two is meant.
            let (status, body) = try await server.send(.POST, path, #"{"action": "restart"}"#)
            #expect(status == 409)
            for host in hosts { #expect(String(decoding: body, as: UTF8.self).contains(host.id)) }

            for (count, host) in hosts.enumerated() {
                let before = try await processes(hosts)
                let order = #"{"action": "restart", "runner_id": "\#(host.id)"}"#
                #expect(try await server.send(.POST, path, order).status == 202)
                _ = try await proxy.eventually("command \(count + 1)") {
                    try await server.history().count { $0.kind == "command_completed" } == count + 1 ? true : nil
                }
                let after = try await processes(hosts)
                for (other, pids) in zip(hosts, zip(before, after)) {
                    #expect((pids.0 == pids.1) == (other.id != host.id))
                }
            }

            // A death on one is a death of that one.
            try await hosts[0].docker.crash("bot")
            let events = try await proxy.eventually("the death made up for") {
                let events = try await server.history()
                let death = events.lastIndex { $0.kind == "died" }
                return death.map { events[$0...].contains { $0.kind == "restarted" } } ?? false ? events : nil
            }
            #expect(events.count { $0.kind == "died" } == 1)
        }
    }

    private func processes(_ hosts: [Host]) async throws -> [Int32] {
        var pids: [Int32] = []
        for host in hosts { pids.append(try await host.docker.pid(of: "bot")) }
        return pids
    }

    private func withTwoHosts(_ body: (BuiltServer, StubServer, [Host]) async throws -> Void) async throws {
        try await withPrivateDocker { first in
            try await withPrivateDocker { second in
                try await BuiltServer.run(in: first.directory + "/server", ["--rate-limit", "0"]) { server in
                    try await withStubServer(.init(upstream: server.port)) { proxy in
                        var hosts: [Host] = []
                        do {
                            for docker in [first, second] {
                                try await docker.start("bot")
                                hosts.append(try await host(docker, server, proxy, beside: hosts.map(\.id)))
                            }
                            try await body(server, proxy, hosts)
                        } catch {
                            for host in hosts { await host.runner.end() }
                            throw error
                        }
                        for host in hosts { #expect(await host.runner.end() == 0) }
                    }
                }
            }
        }
    }

    /// Starts a runner and waits until the server knows it.
    private func host(
        _ docker: PrivateDocker, _ server: BuiltServer, _ proxy: StubServer, beside known: [String]
    ) async throws -> Host {
        let runner = try ChildProcess(
            [
                BuiltProgram.runner.path, "--endpoint", proxy.endpoint, "--heartbeat-interval", "1", "--state-dir",
                docker.directory + "/runner", "--docker-command", PrivateDocker.client, "--watch", "docker:bot",
            ], environment: docker.environment.merging(["CLEVAGENT_API_KEY": server.key]) { $1 })
        do {
            let id = try await proxy.eventually("its runner") {
                let agents = try await server.ask(.GET, "/status", as: Status.self).agents
                let instances = agents.first { $0.agent == "bot" }?.instances ?? []
                return instances.first { $0.status == "ok" && !known.contains($0.runnerID ?? "") }?.runnerID
            }
            return Host(docker: docker, runner: runner, id: id)
        } catch {
            await runner.end()
            throw error
        }
    }
}

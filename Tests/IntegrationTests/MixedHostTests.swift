import TestSupport
import Testing
import WireProtocol

/// A host with targets of every type under one runner: containers, units of systemd, processes.
@Suite(.serialized, .needsDocker, .needsSystemd, .timeLimit(.minutes(3))) struct MixedHostTests {
    @Test(arguments: [
        (MixedHost.Source.engine, "web can't be judged: Cannot connect to the Docker daemon"),
        (.bus, "unit can't be observed: "),
    ]) func `A source that fails is told once, and leaves the others at work`(
        source: MixedHost.Source, words: String
    ) async throws {
        try await withMixedHost { host in
            let failing = source.agent
            let others = MixedHost.agents.filter { $0 != failing }
            for agent in MixedHost.agents {
                _ = try await host.stub.heartbeat { $0.agent == agent && $0.status == .ok }
            }
            let before = host.stub.heartbeats.count - 1

            try await host.fail(source)
            let lost = try await host.stub.heartbeat(after: before) { $0.agent == failing && $0.event != nil }
            #expect(lost.heartbeat.status == .warning)
            #expect(lost.heartbeat.event?.kind == .unknown)
            #expect(lost.heartbeat.message?.hasPrefix(words) == true, "\(lost.heartbeat.message ?? "")")

            // Nobody waits for it: deaths are seen, told and undone.
            for agent in others { try await host.crash(agent) }
            for agent in others {
                let died = try await host.stub.heartbeat(after: lost.index) {
                    $0.agent == agent && $0.event?.kind == .died
                }
                #expect(died.heartbeat.status == .error)
                _ = try await host.stub.heartbeat(after: died.index) {
                    $0.agent == agent && $0.event?.kind == .restarted
                }
            }
            // Three rounds of it say the same.
            var index = host.stub.heartbeats.count - 1
            for _ in 0..<3 {
                let plain = try await host.stub.heartbeat(after: index) { $0.agent == failing }
                #expect(plain.heartbeat.status == .warning && plain.heartbeat.event == nil)
                #expect(plain.heartbeat.message?.hasPrefix(words) == true)
                index = plain.index
            }

            try await host.repair(source)
            let back = try await host.stub.heartbeat(after: index) { $0.agent == failing && $0.status == .ok }
            #expect(back.heartbeat.event?.pid == lost.heartbeat.event?.pid || lost.heartbeat.event?.pid == nil)
            let told = host.stub.heartbeats.map(\.heartbeat)
            #expect(told.count { $0.agent == failing && $0.event?.kind == .unknown } == 1)
            #expect(!told.contains { $0.agent == failing && $0.status == .error })
            for agent in others {
                #expect(told.count { $0.agent == agent && $0.event?.kind == .died } == 1)
                #expect(!told.contains { $0.agent == agent && $0.event?.kind == .unknown })
            }

            // And it is watched again.
            try await host.crash(failing)
            let died = try await host.stub.heartbeat(after: back.index) {
                $0.agent == failing && $0.event?.kind == .died
            }
            _ = try await host.stub.heartbeat(after: died.index) {
                $0.agent == failing && $0.event?.kind == .restarted
            }
        }
    }
}

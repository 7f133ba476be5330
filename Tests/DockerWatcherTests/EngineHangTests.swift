import DockerWatcher
import Logging
import Supervision
import SystemSupport
import TestSupport
import Testing
import WatcherAPI

/// An engine that is there and answers nothing: its stream of events is as silent as when nothing happens.
@Suite(.serialized, .needsDocker, .timeLimit(.minutes(2))) struct EngineHangTests {
    @Test func `A silent engine is noticed, told as unknown, and read anew when it goes on`() async throws {
        try await withPrivateDocker { docker in
            try await docker.start("bot")
            let target = TargetID(kind: .docker, name: "bot")
            let context = WatcherContext(
                targets: [target: TargetSettings()], memory: MemoryWatcherMemory(), logger: Logger(label: "test"))
            let watcher = DockerWatcher(
                context, program: PrivateDocker.client, environment: docker.environment, loop: try EventLoop(),
                round: .milliseconds(500))
            try await observing(watcher, target) { observations in
                let life = try await observations.alive()
                try await docker.pause()
                let hung: String = try await observations.first { observation in
                    if case .undetermined(let words) = observation.liveness { return words }
                    // Nothing else than its memory may change.
                    if case .alive = observation.liveness { return nil }
                    return "\(observation)"
                }
                #expect(hung == "can't be judged: \(PrivateDocker.client) does not answer")
                try await docker.resume()
                #expect(try await observations.alive() == life)
                // And the stream is heard again.
                try await docker.crash("bot")
                _ = try await observations.dead()
            }
        }
    }
}

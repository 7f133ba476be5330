import DockerWatcher
import Logging
import Supervision
import SystemSupport
import TestSupport
import Testing
import WatcherAPI

/// What a container wrote last, from a real engine.
@Suite(.serialized, .needsDocker, .timeLimit(.minutes(2))) struct DockerOutputTests {
    @Test func theLastLinesOfAContainerAreKnownAfterItsEnd() async throws {
        try await withPrivateDocker { docker in
            let bot = TargetID(kind: .docker, name: "bot"), none = TargetID(kind: .docker, name: "none")
            let watcher = DockerWatcher(
                WatcherContext(
                    targets: [bot: TargetSettings(logTail: 2), none: TargetSettings(logTail: 2)],
                    memory: MemoryWatcherMemory(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }),
                program: PrivateDocker.client, environment: docker.environment, loop: try EventLoop())
            let script = "echo one; echo two; echo TOKEN=abc; sleep 0.2; echo three >&2; exit 3"
            _ = try? await docker.run(
                "run", "--name", bot.name, "--network", "none", PrivateDocker.image, "sh", "-c", script)
            let output = try #require(await watcher.lastOutput(of: bot, lines: 2))
            #expect(SecretMask.lines(of: output, last: 2) == ["TOKEN=***", "three"])
            #expect(await watcher.lastOutput(of: none, lines: 2) == nil)
        }
    }
}

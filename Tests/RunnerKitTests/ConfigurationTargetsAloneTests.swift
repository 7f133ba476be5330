import RunnerKit
import Supervision
import Testing

/// What is read where only the targets matter.
@Suite struct ConfigurationTargetsAloneTests {
    private func bench() throws -> ResolverBench {
        var bench = try ResolverBench()
        bench.options = RunnerOptions()
        bench.environment = [:]
        bench.kinds = [.process, .systemd]
        return bench
    }

    @Test func neitherKeyNorEndpointNorStateDirectoryIsNeeded() throws {
        var bench = try bench()
        bench.options.config = try bench.file(
            "runner.yaml",
            """
            endpoint: nonsense
            api-key-file: /nonexistent
            systemd-scope: user
            watch: ["systemd:bot", x=process:/run/x.pid]
            targets: {"systemd:worker@3": {restart-policy: never}}
            """)
        var resolver = ConfigurationResolver(
            options: bench.options, environment: bench.environment, kinds: bench.kinds, user: 7)
        let (targets, scope) = try resolver.resolveTargets()
        #expect(targets.map(\.id.name) == ["bot", "/run/x.pid", "worker@3"])
        #expect(scope == .user)
    }

    @Test func whatIsWrongWithTheTargetsIsTold() throws {
        var bench = try bench()
        bench.options.config = try bench.file("runner.yaml", "")
        #expect(bench.targetFailure.map(\.place) == [.invocation])
        bench.options.watch = ["systemd:worker@", "systemd:bot", "systemd:bot.service"]
        bench.options.systemdScope = "both"
        #expect(
            bench.targetFailure.map(\.description) == [
                "--watch 'systemd:worker@': a template is no unit: write worker@NAME.service",
                "--watch 'systemd:bot.service': is there twice",
                "--systemd-scope 'both': must be one of system, user",
            ])
    }
}

import RunnerKit
import Testing

@Suite struct WatcherSettingsTests {
    @Test func theSettingsFileMayNameTheClient() throws {
        var bench = try ResolverBench()
        #expect(try bench.resolve().dockerCommand == "docker")
        bench.options.config = try bench.file("runner.yaml", "docker-command: podman\n")
        #expect(try bench.resolve().dockerCommand == "podman")
        bench.options.dockerCommand = "/usr/bin/docker"
        #expect(try bench.resolve().dockerCommand == "/usr/bin/docker")
    }

    @Test func aWrongOneIsToldWithItsLine() throws {
        var bench = try ResolverBench()
        bench.options.config = try bench.file("runner.yaml", "\ndocker-command: ./docker\n")
        #expect(
            bench.problems.first?.contains("line 2: 'docker-command' './docker': must be the name of a program") == true
        )
        #expect(ConfigurationProblem.exitStatus(for: bench.failure) == 78)
        bench.options.config = try bench.file("list.yaml", "docker-command: [docker]\n")
        #expect(bench.problems.first?.contains("line 1: 'docker-command' must be a text or a number") == true)
    }

    @Test func whoseUnitsAreMeantMayStandInTheFileToo() throws {
        var bench = try ResolverBench()
        #expect(try bench.resolve().systemdScope == .system)
        bench.options.config = try bench.file("runner.yaml", "systemd-scope: user\n")
        #expect(try bench.resolve().systemdScope == .user)
        bench.options.systemdScope = "system"
        #expect(try bench.resolve().systemdScope == .system)
        bench.options.systemdScope = nil
        bench.options.config = try bench.file("wrong.yaml", "\nsystemd-scope: mine\n")
        #expect(
            bench.problems.first?.hasSuffix("line 2: 'systemd-scope' 'mine': must be one of system, user") == true)
        #expect(ConfigurationProblem.exitStatus(for: bench.failure) == 78)
    }
}

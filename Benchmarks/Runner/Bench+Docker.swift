import Glibc
import TestSupport
import WireProtocol

/// How a killed container's end reached the server, beside how Docker's own stream tells it.
struct ContainerDeaths: Sendable {
    /// SIGKILL → the server has a heartbeat that says error.
    var told = Samples()
    /// SIGKILL → the line of a bare `docker events`.
    var line = Samples()
    /// The first less the second, kill by kill; negative where the heartbeat came first.
    var later = Samples()
}

/// What a restart took until Docker said `start`.
struct ContainerRestarts: Sendable {
    var queued = Samples()
    var byHand = Samples()
}

extension Bench {
    /// Kills containers, each once, under our runner.
    func containerDeaths(count: Int) async throws -> ContainerDeaths {
        try await withContainers("death", count: count) { containers, stub in
            var told: [Duration] = []
            var line: [Duration] = []
            var later: [Duration] = []
            for name in containers.names {
                let container = try await containers.docker.pid(of: name)
                guard container > 1 else { throw BenchmarkError.agentDidNotStart(name) }
                // A moment of quiet, so that a kill meets nothing of the one before.
                try await Task.sleep(for: .milliseconds(.random(in: 300...600)))
                let events = containers.events.next("die", of: name)
                let back = containers.events.next("start", of: name)
                let killed = ContinuousClock.now
                kill(container, SIGKILL)
                async let heartbeat = stub.heartbeat(within: .seconds(20)) {
                    $0.agent == name && $0.status == .error
                }
                let seen = try await events.arrival()
                let arrival = try await heartbeat.arrival
                told.append(arrival - killed)
                line.append(seen - killed)
                later.append(arrival - seen)
                _ = try await back.arrival()
            }
            return ContainerDeaths(told: Samples(told), line: Samples(line), later: Samples(later))
        }
    }

    /// Restarts one container again and again: by a queued command and by hand, in turn.
    func containerRestarts(count: Int) async throws -> ContainerRestarts {
        try await withContainers("restart", count: 1) { containers, stub in
            let name = containers.names.first ?? ""
            var queued: [Duration] = []
            var byHand: [Duration] = []
            for _ in 0..<count {
                try await stub.heldPoll()
                try await Task.sleep(for: .milliseconds(.random(in: 700...1000)))
                let told = containers.events.next("start", of: name)
                let begin = ContinuousClock.now
                let command = stub.queue("restart", type: "docker", target: name, agent: name)
                queued.append(try await told.arrival() - begin)
                _ = try await stub.result(of: command.id)

                try await Task.sleep(for: .milliseconds(.random(in: 700...1000)))
                let again = containers.events.next("start", of: name)
                let typed = ContinuousClock.now
                async let restart = containers.docker.run("restart", name)
                byHand.append(try await again.arrival() - typed)
                _ = try await restart
            }
            return ContainerRestarts(queued: Samples(queued), byHand: Samples(byHand))
        }
    }

    // MARK: Surroundings

    /// Runs `body` beside a runner that has reported that many containers of a private engine.
    func withContainers<Result>(
        _ run: String, count: Int, _ body: (Containers, StubServer) async throws -> Result
    ) async throws -> Result {
        try await withContainersAlone(count: count) { containers in
            try await withStubServer { stub in
                let run = "docker-" + run
                let runner = try startRunner(run, on: containers, reportingTo: stub)
                do {
                    try await ours.ready(run, count: count, reportingTo: stub)
                    let result = try await body(containers, stub)
                    guard !runner.hasEnded else { throw BenchmarkError.runnerEnded }
                    await runner.end()
                    return result
                } catch {
                    await runner.end()
                    throw BenchmarkError.notReady("\(error)", log: ours.logEnd(of: run))
                }
            }
        }
    }

    /// Runs `body` with containers that nobody watches yet.
    func withContainersAlone<Result>(
        count: Int, _ body: (Containers) async throws -> Result
    ) async throws -> Result {
        try await withPrivateDocker { docker in
            let containers = try await Containers(count: count, on: docker)
            do {
                let result = try await body(containers)
                await containers.end()
                return result
            } catch {
                await containers.end()
                throw error
            }
        }
    }

    func startRunner(_ run: String, on containers: Containers, reportingTo stub: StubServer) throws -> ChildProcess {
        try ours.start(
            run, targets: containers.names.map { "docker:" + $0 }, reportingTo: stub,
            options: ["--docker-command", PrivateDocker.client], environment: containers.docker.environment)
    }
}

import ArgumentParser
import FoundationEssentials
import Glibc
import SystemPackage
import TestSupport
import UnixSignals

/// What can be measured alone.
enum Part: String, EnumerableFlag {
    case reactions, footprint, search, outage, hanging, systemd, docker

    static func help(for part: Self) -> ArgumentHelp? {
        switch part {
        case .reactions: "Measure only the reactions: latencies, requests and bytes, three minutes."
        case .footprint: "Measure only the footprint: CPU, memory and context switches, five minutes."
        case .search:
            "Measure only how a process is found by its command line beside 5,000 others, a minute and a half."
        case .outage: "Measure only what comes of a minute without a server, a minute and a half."
        case .hanging: "Measure only whether restarts wait for a server that hangs, half a minute."
        case .systemd:
            "Measure only ours with units of a systemd of its own, seven minutes; needs root, systemd and dbus."
        case .docker:
            "Measure only what is done for containers, with a private Docker engine; root, and a quarter of an hour."
        }
    }
}

/// Measures our runner beside the published Python runner, in one run, against the same stub server.
@main struct RunnerBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runner-benchmark",
        abstract: "Measures clevagent-runner beside the published Python runner.",
        discussion: "Ends with 1 when a bar is missed. `make bench` builds what it needs and runs it.")

    @Option(help: "Our runner, a release build.")
    var runner: String

    @Option(help: "The compiled Benchmarks/Agent/benchmark-agent.c.")
    var agent: String

    @Option(help: "The Python runner's command; without it there is nothing to compare with.")
    var python: String?

    @Option(help: "How many targets are killed, and how many stopped, under our runner.")
    var samples = 100

    @Option(help: "The same under the Python runner, all within one minute.")
    var pythonSamples = 30

    @Option(help: "How many times each runner is started.")
    var starts = 20

    @Option(help: "Where to write every sample as JSON.")
    var json: String?

    @Flag(help: "Leave out what takes minutes: 1,000 targets, the Python runner's latencies, the footprint.")
    var quick = false

    @Flag var only: Part?

    @Option(help: "How many containers are killed, and how often one is restarted each way.")
    var dockerSamples = 40

    @Option(help: "How many minutes idle containers are watched.")
    var dockerMinutes = 10

    @Option(help: "The built process-recorder of Tests/Fixtures, for --docker; it tells who starts programs.")
    var recorder = BuiltProgram.runner.path.replacing("/clevagent-runner", with: "/process-recorder")

    @Option(help: "Measure only ours with 1 to 10,000 targets, and draw that into this SVG file; eight minutes.")
    var growth: String?

    func run() async throws {
        let directory = try makeTemporaryDirectory("clevagent-benchmark").string
        defer { try? FileManager.default.removeItem(atPath: directory) }
        raiseFileLimit()
        let bench = Bench(
            ours: Contender(kind: .ours, program: runner, directory: directory),
            python: python.map { Contender(kind: .python, program: $0, directory: directory) },
            monit: Monit.program.map { Monit(program: $0, directory: directory) },
            agent: agent, directory: directory)
        if let growth { return try await untilSignal { try await measureGrowth(bench, into: growth) } }
        let report = try await untilSignal { try await measure(bench) }
        print("\n" + report.table)
        if let json { try report.write(to: json) }
        guard report.isReached else { throw ExitCode(1) }
    }

    // MARK: The order of things

    private func measure(_ bench: Bench) async throws -> Report {
        let progress = Progress()
        var report = Report(machine: machine)
        switch only {
        case .outage: report.ours = try await measureOutage(bench, progress)
        case .hanging: report.ours = try await measureHanging(bench, progress)
        case .search: report.ours = try await measureSearch(bench, progress)
        case .systemd: report.ours = try await measureUnits(bench, progress)
        case .docker: report.ours = try await measureDocker(bench, progress)
        case .reactions: report.rows = try await measureReactions(bench, progress)
        case .footprint: report.footprint = try await measureFootprint(bench, progress)
        case nil:
            report.rows = try await measureReactions(bench, progress)
            if !quick { report.footprint = try await measureFootprint(bench, progress) }
        }
        return report
    }

    private func measureReactions(_ bench: Bench, _ progress: Progress) async throws -> [Row] {
        progress.say("starting the runners, \(starts) times each")
        let starting = try await bench.starts(count: starts)
        progress.say("killing \(samples) targets under our runner")
        let deaths = try await bench.deathsUnderOurs(count: samples)
        progress.say("stopping \(samples) targets by command under our runner")
        let commands = try await bench.commandsUnderOurs(count: samples)
        progress.say("killing services under runit, where it is installed")
        let runit = try await bench.restartsUnderRunit(count: min(samples, 20))

        // What waits for half minutes and counts requests does not mind company.
        async let python = pythonLatencies(bench)
        async let ourTraffic = traffic(bench, bench.ours)
        async let pythonTraffic = traffic(bench, bench.python)
        if !quick { progress.say("counting requests and bytes, 1,000 targets each, and waiting for the Python runner") }
        let (pythonTold, pythonGone) = try await python
        let counts = try await (ours: ourTraffic, python: pythonTraffic)

        return [
            Row(
                title: "SIGKILL → error heartbeat, 30 s interval", ours: .latency(deaths.told, of: deaths.kills),
                python: pythonTold, bar: .latency(median: .milliseconds(10), p99: .milliseconds(50))),
            Row(
                title: "command queued → process gone", ours: .latency(commands, of: samples),
                python: pythonGone, bar: .latency(median: .milliseconds(15))),
            Row(
                title: "SIGKILL → running again, grace 0", ours: .latency(deaths.back, of: deaths.kills),
                python: .none("never"), bar: .latency(median: .milliseconds(15)),
                note: runit.map { "runit \(Figure.latency($0, of: $0.count).text)" } ?? "runit is not installed"),
            Row(
                title: "requests a minute, 1,000 targets, 30 s interval", ours: counts.ours.requests,
                python: counts.python.requests, bar: .atMost(25)),
            Row(
                title: "bytes sent a minute, 1,000 targets, 30 s interval", ours: counts.ours.bytes,
                python: counts.python.bytes, bar: .atMost(80_000)),
            Row(
                title: "exec → first heartbeat", ours: .latency(starting[.ours] ?? Samples(), of: starts),
                python: starting[.python].map { .latency($0, of: starts) } ?? .none("not there"),
                bar: .latency(median: .milliseconds(60))),
        ]
    }

    private func pythonLatencies(_ bench: Bench) async throws -> (told: Figure, gone: Figure) {
        guard let python = bench.python else { return (.none("not there"), .none("not there")) }
        guard !quick else { return (.none("left out"), .none("left out")) }
        let figures = try await bench.deathsAndCommands(under: python, count: pythonSamples)
        return (.latency(figures.told, of: pythonSamples), .latency(figures.gone, of: pythonSamples))
    }

    private func traffic(_ bench: Bench, _ contender: Contender?) async throws -> (requests: Figure, bytes: Figure) {
        guard let contender else { return (.none("not there"), .none("not there")) }
        guard !quick else { return (.none("left out"), .none("left out")) }
        let traffic = try await bench.trafficAMinute(under: contender)
        return (.count(traffic.requests), .count(traffic.bytes))
    }

    // MARK: Surroundings

    var machine: String {
        var name = utsname()
        uname(&name)
        let release = withUnsafeBytes(of: name.release) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        var load = 0.0
        getloadavg(&load, 1)
        return "Linux \(release), \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) cores, plain HTTP on loopback, "
            + "load average \((load * 100).rounded() / 100) at the start"
    }

    /// Makes room for a connection from each of 2,000 agents.
    private func raiseFileLimit() {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// Runs `body`; SIGINT and SIGTERM cancel it, so that what it started is ended.
    private func untilSignal<Result: Sendable>(_ body: @Sendable @escaping () async throws -> Result) async throws
        -> Result
    {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        return try await withThrowingTaskGroup(of: Result.self) { group in
            group.addTask { try await body() }
            group.addTask {
                for await _ in signals { break }
                throw BenchmarkError.interrupted
            }
            guard let result = try await group.next() else { throw BenchmarkError.interrupted }
            group.cancelAll()
            return result
        }
    }
}
